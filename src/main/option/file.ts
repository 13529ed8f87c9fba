import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type ParsedNode,
  parseDocument,
  type YAMLMap,
} from 'yaml'
import { CacheError } from '../../shared/errors.js'
import { didYouMean } from './nearest.js'
import type { OptionTable, Setting, Settings } from './option.js'

/** A named part of a file that has a table of its own, such as the group `scores`. */
export interface Section {
  readonly name: string
  /** File, line and name of the section, for messages. */
  readonly place: string
  readonly settings: Settings
}

/** What a configuration file sets. */
export interface FileSettings {
  readonly settings: Settings
  readonly sections: readonly Section[]
}

/** What a file may hold: options at the top, and below one key any number of sections that share a table. */
export interface FileShape {
  readonly options: OptionTable
  readonly sectionsKey: string
  readonly sectionOptions: OptionTable
}

/**
 * Reads a YAML configuration file. Values stay texts: it takes `resolveOptions` to check them.
 *
 * @param file its name, for messages
 * @throws CacheError INVALID_ARGUMENT, with the line: no YAML, or a key that the tables do not have
 */
export function readFileSettings(file: string, source: string, shape: FileShape): FileSettings {
  const lines = new LineCounter()
  const document = parseDocument(source, { lineCounter: lines, prettyErrors: false })
  const error = document.errors[0]
  if (error !== undefined) {
    throw new CacheError(
      'INVALID_ARGUMENT',
      `${file} line ${lines.linePos(error.pos[0]).line}: ${error.message}`,
    )
  }
  const reader: Reader = {
    lineOf: (node) => `${file} line ${lines.linePos(node?.range?.[0] ?? 0).line}`,
    resolve: (node) =>
      isAlias(node) ? (node.resolve(document) as ParsedNode | undefined) : (node as ParsedNode),
    json: (node) => JSON.stringify(node?.toJS(document) ?? null),
  }
  // An empty document, or one that only says `---`.
  if (document.contents === null || (isScalar(document.contents) && document.contents.value === null))
    return { settings: new Map(), sections: [] }
  if (!isMap(document.contents))
    throw invalid(`${reader.lineOf(document.contents)}: expected a mapping of options`)

  const settings = new Map<string, Setting>()
  const sections: Section[] = []
  const takeSections = (node: ParsedNode | null | undefined, place: string) => {
    if (!isMap(node)) throw invalid(`${place}: expected a mapping of names`)
    for (const { key, node: body, name } of pairsOf(reader, node)) {
      const sectionName = `${shape.sectionsKey}.${name}`
      const sectionSettings = new Map<string, Setting>()
      const sectionPlace = `${reader.lineOf(key)}: ${sectionName}`
      if (!isMap(body)) throw invalid(`${sectionPlace}: expected a mapping of options`)
      readMap(
        { reader, table: shape.sectionOptions, settings: sectionSettings, named: `${sectionName}.` },
        body,
        '',
      )
      sections.push({ name, place: sectionPlace, settings: sectionSettings })
    }
  }
  const own = new Map([[shape.sectionsKey, takeSections]])
  readMap({ reader, table: shape.options, settings, named: '', own }, document.contents, '')
  return { settings, sections }
}

interface Reader {
  /** `scores.yaml line 4` */
  lineOf(node: Node | null | undefined): string
  resolve(node: unknown): ParsedNode | null | undefined
  json(node: ParsedNode | null | undefined): string
}

interface Target {
  readonly reader: Reader
  readonly table: OptionTable
  readonly settings: Map<string, Setting>
  /** Put before the path in messages. */
  readonly named: string
  /** Keys that are no options, and who reads them. */
  readonly own?: ReadonlyMap<string, (node: ParsedNode | null | undefined, place: string) => void>
}

/** Reads one mapping. `prefix` is its own path with a dot behind it, empty at the top. */
function readMap(target: Target, map: YAMLMap, prefix: string): void {
  const { reader, table, settings, named, own } = target
  const paths = Object.values(table).flatMap(({ path }) => (path === undefined ? [] : [path]))
  for (const { key, node, name } of pairsOf(reader, map)) {
    const path = prefix + name
    const line = reader.lineOf(key)
    const place = `${line}: ${named}${path}`
    const readOwn = own?.get(path)
    const option = Object.entries(table).find(([, candidate]) => candidate.path === path)
    if (readOwn !== undefined) {
      readOwn(node, place)
    } else if (option !== undefined) {
      const text = textOf(reader, option[1].type.shape, node, place)
      settings.set(option[0], { text, place: line, key: named + path })
    } else if (paths.some((known) => known.startsWith(`${path}.`))) {
      if (!isMap(node))
        throw invalid(`${place}: expected a mapping with ${keysBelow(paths, `${path}.`).join(', ')}`)
      readMap(target, node, `${path}.`)
    } else {
      const known = [...keysBelow(paths, prefix), ...(own?.keys() ?? [])]
      throw invalid(`${place}: unknown key${didYouMean(name, known)}`)
    }
  }
}

function keysBelow(paths: readonly string[], prefix: string): string[] {
  const below = paths.filter((path) => path.startsWith(prefix)).map((path) => path.slice(prefix.length))
  return [...new Set(below.map((path) => path.split('.')[0]!))]
}

function* pairsOf(
  reader: Reader,
  map: YAMLMap,
): Generator<{ key: Node; name: string; node: ParsedNode | null | undefined }> {
  for (const pair of map.items) {
    const key = reader.resolve(pair.key)
    if (!isScalar(key)) throw invalid(`${reader.lineOf(map)}: a key must be a plain name`)
    // A name such as 2024 is a number to YAML; as written, it is a name.
    yield { key, name: scalarText(key) ?? '', node: reader.resolve(pair.value) }
  }
}

function textOf(
  reader: Reader,
  shape: 'scalar' | 'list' | 'any',
  node: ParsedNode | null | undefined,
  place: string,
): string {
  if (shape === 'any') return reader.json(node)
  if (shape === 'list' && isSeq(node)) {
    return node.items.map((item) => itemText(reader.resolve(item), place)).join(',')
  }
  if (isMap(node) || isSeq(node))
    throw invalid(`${place}: expected ${shape === 'list' ? 'a list' : 'a single value'}`)
  const text = isScalar(node) ? scalarText(node) : undefined
  if (text === undefined) throw invalid(`${place}: has no value`)
  return text
}

function itemText(node: ParsedNode | null | undefined, place: string): string {
  const text = isScalar(node) ? scalarText(node) : undefined
  if (text === undefined || text.includes(',')) throw invalid(`${place}: expected a list of single values`)
  return text
}

/** The text of a scalar as it was written: `0x10` and `1e3` are not silently turned into other numbers. */
function scalarText(node: { readonly value: unknown; readonly source?: string }): string | undefined {
  if (node.value === null) return undefined
  return typeof node.value === 'string' ? node.value : (node.source ?? String(node.value))
}

function invalid(message: string): CacheError {
  return new CacheError('INVALID_ARGUMENT', message)
}
