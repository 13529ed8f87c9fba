/** Parameters of a query string that are looked at; more are not. */
const PARAMETERS_MAX = 64

/** The parameters of a query string by name, as they were sent: the first of a name. */
export function queryOf(query: string): Map<string, string> {
  const values = new Map<string, string>()
  for (const part of query.split('&', PARAMETERS_MAX)) {
    const equals = part.indexOf('=')
    const name = equals < 0 ? part : part.slice(0, equals)
    if (name !== '' && !values.has(name)) values.set(name, equals < 0 ? '' : part.slice(equals + 1))
  }
  return values
}
