import { httpSuite } from '../../support/http-suite.js'

httpSuite('uws')
