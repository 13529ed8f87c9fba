// The library lies beside this file once it was built: copied from its package, with its licence.
import UPlot from 'uplot'

export { UPlot as default }
