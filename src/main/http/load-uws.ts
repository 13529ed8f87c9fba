/** The module, where it can be loaded. */
export type Uws = typeof import('uWebSockets.js')

/**
 * uWebSockets.js, which is not on the npm registry, so users install it beside this package or do without.
 *
 * @throws what the loader says when it is not there, or not for this version of Node.js
 */
export async function loadUws(): Promise<Uws> {
  const module = (await import('uWebSockets.js')) as Uws & { default?: Uws }
  return module.default ?? module
}
