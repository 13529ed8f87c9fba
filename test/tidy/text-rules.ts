import { posix } from 'node:path'
import type { SourceFacts } from './source-facts.js'

const VAGUE_NAMES = /^(utils?|helpers?|common|misc|types?|shared|lib|stuff)$/

/** File names that say nothing. */
export function nameFaults(files: readonly SourceFacts[]): string[] {
  return files.flatMap(({ path }) => {
    const name = posix.basename(path).replace(/(\.(test|bench))?\.ts$/, '')
    if (VAGUE_NAMES.test(name)) return [`${path}: name the file for the one thing that it exports`]
    return /^[a-z0-9]+(-[a-z0-9]+)*$/.test(name) ? [] : [`${path}: file names are kebab-case`]
  })
}

/** Files over `linesMax`. */
export function fileSizeFaults(files: readonly SourceFacts[], linesMax: number): string[] {
  return files.flatMap(({ path, text }) => {
    const lineCount = text.trimEnd().split('\n').length
    return lineCount > linesMax
      ? [
          `${path}: ${lineCount} lines, ${linesMax} at most; a file that long holds two nouns: split it by them`,
        ]
      : []
  })
}

/** Functions over `linesMax`, from the name to the closing brace. */
export function functionSizeFaults(files: readonly SourceFacts[], linesMax: number): string[] {
  return files.flatMap(({ path, functions }) =>
    functions
      .filter(({ lineCount }) => lineCount > linesMax)
      .map(
        ({ name, line, lineCount }) =>
          `${path}:${line}: ${name} has ${lineCount} lines, ${linesMax} at most; give its steps names`,
      ),
  )
}

/** Words that no file may hold, comments included, and what to do instead. */
export function wordFaults(
  files: readonly SourceFacts[],
  words: readonly (readonly [RegExp, string])[],
): string[] {
  return files.flatMap(({ path, text }) =>
    text.split('\n').flatMap((content, index) =>
      words.flatMap(([word, instead]) => {
        const match = word.exec(content)
        return match === null ? [] : [`${path}:${index + 1}: ${match[0]}: ${instead}`]
      }),
    ),
  )
}

/** Uses of one thing in files other than those allowed; an allowed path that ends with a slash is a folder. */
export function useFaults(
  files: readonly SourceFacts[],
  use: string | RegExp,
  allowed: readonly string[],
  instead: string,
): string[] {
  const matches = (what: string) => (typeof use === 'string' ? what === use : use.test(what))
  return files
    .filter(
      ({ path }) => !allowed.some((known) => (known.endsWith('/') ? path.startsWith(known) : path === known)),
    )
    .flatMap(({ path, uses }) =>
      uses
        .filter(({ what }) => matches(what))
        .map(({ what, line }) => `${path}:${line}: ${what}: ${instead}`),
    )
}

/** Imports of one package by files other than those allowed. */
export function packageFaults(
  files: readonly SourceFacts[],
  name: string,
  allowed: readonly string[],
  instead: string,
): string[] {
  return files
    .filter(({ path }) => !allowed.includes(path))
    .flatMap(({ path, references }) =>
      references.filter(({ to }) => to === name).map(({ line }) => `${path}:${line}: ${name}: ${instead}`),
    )
}

/** Variables at module level that change: they would be shared by all nodes of a process. */
export function moduleStateFaults(files: readonly SourceFacts[]): string[] {
  return files.flatMap(({ path, moduleState }) =>
    moduleState.map(
      ({ what, line }) =>
        `${path}:${line}: ${what}: state of a module is shared by all nodes of the process; put it into the object that owns it`,
    ),
  )
}
