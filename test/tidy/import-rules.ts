import type { SourceFacts } from './source-facts.js'

/** A part of the tree, and the parts that its files may import. */
export interface Layer {
  readonly name: string
  /** Folders, with a slash at their end, and files. The first layer that names a file has it. */
  readonly paths: readonly string[]
  /** A layer may always import itself. */
  readonly mayImport: readonly string[]
}

/** Imports that go against the table. */
export function directionFaults(files: readonly SourceFacts[], layers: readonly Layer[]): string[] {
  const faults: string[] = []
  for (const { path, references } of files) {
    const from = layerOf(path, layers)
    if (from === undefined) {
      faults.push(`${path}: belongs to no layer; give it a place in the table of layers`)
      continue
    }
    for (const { to, line, kind } of references) {
      const target = layerOf(to, layers)
      if (kind === 'url' || target === undefined || target === from || from.mayImport.includes(target.name))
        continue
      const allowed =
        from.mayImport.length === 0 ? 'only itself' : `only itself and ${from.mayImport.join(', ')}`
      faults.push(
        `${path}:${line}: ${from.name} must not import ${target.name} (${to}): it may import ${allowed}; declare an interface here and have the composition hand it in`,
      )
    }
  }
  return faults
}

function layerOf(path: string, layers: readonly Layer[]): Layer | undefined {
  return layers.find(({ paths }) =>
    paths.some((known) => (known.endsWith('/') ? path.startsWith(known) : path === known)),
  )
}

/** Every cycle is reported once, from the file that comes first by name. Type imports count. */
export function cycleFaults(files: readonly SourceFacts[]): string[] {
  const graph = new Map(files.map(({ path, references }) => [path, importsOf(references)]))
  const faults: string[] = []
  const finished = new Set<string>()
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path)
    if (start !== -1) {
      const cycle = [...trail.slice(start), path].join(' → ')
      faults.push(`${cycle}: a cycle of imports; move what both need to a file of its own`)
      return
    }
    if (finished.has(path)) return
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path])
    finished.add(path)
  }
  for (const path of [...graph.keys()].sort()) visit(path, [])
  return faults
}

function importsOf(references: SourceFacts['references']): string[] {
  return references.filter(({ kind }) => kind === 'import').map(({ to }) => to)
}

/** Files that no entry point leads to. Tests do not count: code that only its test uses is dead. */
export function deadFileFaults(files: readonly SourceFacts[], entries: readonly string[]): string[] {
  const byPath = new Map(files.map((file) => [file.path, file]))
  const faults = entries
    .filter((entry) => !byPath.has(entry))
    .map((entry) => `${entry}: named as an entry point, but not there; correct the list of entry points`)
  const reached = new Set<string>()
  const queue = [...entries]
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (reached.has(path)) continue
    reached.add(path)
    queue.push(...(byPath.get(path)?.references ?? []).map(({ to }) => to))
  }
  const dead = files.filter(({ path }) => !reached.has(path))
  return [
    ...faults,
    ...dead.map(
      ({ path }) => `${path}: no entry point leads to it; use it, delete it, or name it as an entry point`,
    ),
  ]
}

/** Policies are those that the registry imports from its own folder, the interface apart; they never import each other. */
export function policyFaults(files: readonly SourceFacts[], registry: string, contract: string): string[] {
  const folder = registry.slice(0, registry.lastIndexOf('/') + 1)
  const known = files.find(({ path }) => path === registry)
  const policies = new Set(
    known?.references.map(({ to }) => to).filter((to) => to.startsWith(folder) && to !== contract),
  )
  return files
    .filter(({ path }) => policies.has(path))
    .flatMap(({ path, references }) =>
      references
        .filter(({ to }) => policies.has(to))
        .map(
          ({ to, line }) =>
            `${path}:${line}: a policy imports another one (${to}); move what both need to a file of its own`,
        ),
    )
}
