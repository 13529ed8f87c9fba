import { posix } from 'node:path'
import {
  isArrowFunction,
  isAsExpression,
  isCallExpression,
  isClassDeclaration,
  isConstructorDeclaration,
  isExportAssignment,
  isExportDeclaration,
  isFunctionDeclaration,
  isFunctionExpression,
  isGetAccessorDeclaration,
  isIdentifier,
  isImportDeclaration,
  isImportTypeNode,
  isLiteralTypeNode,
  isMethodDeclaration,
  isNewExpression,
  isPropertyDeclaration,
  isSetAccessorDeclaration,
  isStringLiteral,
  isVariableDeclaration,
  isVariableStatement,
  type Node,
  NodeFlags,
  type SourceFile,
  SyntaxKind,
} from 'typescript/unstable/ast'
import { createVirtualFileSystem } from 'typescript/unstable/fs'
import { API } from 'typescript/unstable/sync'

/** One reference from a file to another one. */
export interface Reference {
  /** Path of a source file of this repository, or the name of a package. */
  readonly to: string
  readonly line: number
  /** `url` names a file without loading it: `new URL('./entry.js', import.meta.url)`. */
  readonly kind: 'import' | 'url'
}

export interface FunctionSize {
  readonly name: string
  readonly line: number
  readonly lineCount: number
}

/** Something at a line. */
export interface Finding {
  readonly what: string
  readonly line: number
}

/** What the rules need to know of a file. */
export interface SourceFacts {
  /** From the root of the repository, with slashes. */
  readonly path: string
  readonly text: string
  readonly references: readonly Reference[]
  readonly functions: readonly FunctionSize[]
  /** State at module level: variables that can be assigned, collections that are made to be filled. */
  readonly moduleState: readonly Finding[]
  /** Identifiers of global objects, casts to `any`, calls such as `test.skip`, `export default`. */
  readonly uses: readonly Finding[]
}

/** Facts of each source file; takes and gives paths relative to the repository. */
export function readFacts(sources: ReadonlyMap<string, string>): SourceFacts[] {
  // Nothing is resolved and no library is loaded: the rules look at the syntax of each file alone.
  const options = { noResolve: true, noLib: true, types: [], module: 'nodenext', target: 'esnext' }
  const files: Record<string, string> = {
    [`${ROOT}/tsconfig.json`]: JSON.stringify({ compilerOptions: options, files: [...sources.keys()] }),
  }
  for (const [path, text] of sources) files[`${ROOT}/${path}`] = text
  const api = new API({ cwd: ROOT, fs: createVirtualFileSystem(files) })
  try {
    const [project] = api.updateSnapshot({ openProject: `${ROOT}/tsconfig.json` }).getProjects()
    return [...sources].map(([path, text]) => {
      const tree = project?.program.getSourceFile(`${ROOT}/${path}`)
      if (tree === undefined) throw new Error(`The compiler does not know ${path}`)
      return factsOf(path, text, tree)
    })
  } finally {
    api.close()
  }
}

const ROOT = '/repository'
const WATCHED_GLOBALS = ['Atomics', 'console']
const SKIPPING = /^(test|it|describe|suite)\.(skip|only|todo)$/
const COLLECTIONS = ['Map', 'Set', 'WeakMap', 'WeakSet', 'Array']

function factsOf(path: string, text: string, tree: SourceFile): SourceFacts {
  const lineOf = (node: Node) => tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1
  const references: Reference[] = []
  const functions: FunctionSize[] = []
  const uses: Finding[] = []
  const visit = (node: Node): undefined => {
    const reference = referenceOf(path, node)
    if (reference !== undefined) references.push({ ...reference, line: lineOf(node) })
    const use = useOf(node, tree)
    if (use !== undefined) uses.push({ what: use, line: lineOf(node) })
    const name = functionName(node, tree)
    if (name !== undefined) {
      const line = lineOf(node)
      const lastLine = tree.getLineAndCharacterOfPosition(node.end).line + 1
      functions.push({ name, line, lineCount: lastLine - line + 1 })
    }
    node.forEachChild(visit)
  }
  visit(tree)
  const moduleState = tree.statements.flatMap((statement) =>
    stateOf(statement, tree).map((what) => ({ what, line: lineOf(statement) })),
  )
  return { path, text, references, functions, moduleState, uses }
}

function referenceOf(path: string, node: Node): Omit<Reference, 'line'> | undefined {
  if (isImportDeclaration(node) || isExportDeclaration(node)) {
    const { moduleSpecifier } = node
    return moduleSpecifier !== undefined && isStringLiteral(moduleSpecifier)
      ? { to: targetOf(path, moduleSpecifier.text), kind: 'import' }
      : undefined
  }
  if (isImportTypeNode(node)) {
    const { argument } = node
    return isLiteralTypeNode(argument) && isStringLiteral(argument.literal)
      ? { to: targetOf(path, argument.literal.text), kind: 'import' }
      : undefined
  }
  const [first] = isCallExpression(node) || isNewExpression(node) ? (node.arguments ?? []) : []
  if (first === undefined || !isStringLiteral(first)) return undefined
  if (isCallExpression(node) && node.expression.kind === SyntaxKind.ImportKeyword) {
    return { to: targetOf(path, first.text), kind: 'import' }
  }
  const isUrl = isNewExpression(node) && isIdentifier(node.expression) && node.expression.text === 'URL'
  return isUrl ? { to: targetOf(path, first.text), kind: 'url' } : undefined
}

/** `./x.js` of `src/a/b.ts` is `src/a/x.ts`; packages stay what they are. */
function targetOf(path: string, specifier: string): string {
  if (!specifier.startsWith('.')) return specifier
  return posix.join(posix.dirname(path), specifier).replace(/\.js$/, '.ts')
}

function useOf(node: Node, tree: SourceFile): string | undefined {
  if (isIdentifier(node) && WATCHED_GLOBALS.includes(node.text)) return node.text
  if (isAsExpression(node) && node.type.kind === SyntaxKind.AnyKeyword) return 'as any'
  if (isExportAssignment(node)) return 'export default'
  const isExportedDefault =
    (isFunctionDeclaration(node) || isClassDeclaration(node)) &&
    (node.modifiers ?? []).some(({ kind }) => kind === SyntaxKind.DefaultKeyword)
  if (isExportedDefault) return 'export default'
  if (!isCallExpression(node) && !isNewExpression(node)) return undefined
  const called = node.expression.getText(tree)
  if (SKIPPING.test(called)) return called
  return isSleep(called, node, tree) ? 'sleep' : undefined
}

/** `promisify(setTimeout)` and `new Promise((resolve) => setTimeout(resolve, …))`. */
function isSleep(
  called: string,
  node: Node & { readonly arguments?: readonly Node[] | undefined },
  tree: SourceFile,
): boolean {
  const [first] = node.arguments ?? []
  const text = first?.getText(tree) ?? ''
  if (called === 'promisify') return text === 'setTimeout'
  return called === 'Promise' && /^(?:async )?\(?(\w+)\)? => \{?\s*(?:void )?setTimeout\(\1\b/.test(text)
}

function functionName(node: Node, tree: SourceFile): string | undefined {
  if (
    isFunctionDeclaration(node) ||
    isMethodDeclaration(node) ||
    isGetAccessorDeclaration(node) ||
    isSetAccessorDeclaration(node)
  ) {
    return node.name?.getText(tree) ?? 'function'
  }
  if (isConstructorDeclaration(node)) return 'constructor'
  if (!isArrowFunction(node) && !isFunctionExpression(node)) return undefined
  const { parent } = node
  return parent !== undefined && isVariableDeclaration(parent) ? parent.name.getText(tree) : 'function'
}

function stateOf(statement: Node, tree: SourceFile): string[] {
  if (isClassDeclaration(statement)) {
    return statement.members.filter(isPropertyDeclaration).flatMap(({ name, modifiers }) => {
      const isState =
        hasKind(modifiers, SyntaxKind.StaticKeyword) && !hasKind(modifiers, SyntaxKind.ReadonlyKeyword)
      return isState ? [`static ${name.getText(tree)}`] : []
    })
  }
  if (!isVariableStatement(statement)) return []
  const { declarationList } = statement
  if ((declarationList.flags & NodeFlags.Const) === 0) return [declarationList.getText(tree).split('\n')[0]!]
  return declarationList.declarations
    .filter(({ initializer }) => initializer !== undefined && isEmptyCollection(initializer, tree))
    .map(({ name, initializer }) => `const ${name.getText(tree)} = ${initializer?.getText(tree)}`)
}

function hasKind(modifiers: readonly Node[] | undefined, kind: SyntaxKind): boolean {
  return (modifiers ?? []).some((modifier) => modifier.kind === kind)
}

/** A constant that starts empty is there to be filled. */
function isEmptyCollection(initializer: Node, tree: SourceFile): boolean {
  if (isNewExpression(initializer)) {
    const empty = (initializer.arguments ?? []).length === 0
    return empty && COLLECTIONS.includes(initializer.expression.getText(tree))
  }
  return /^(\[\s*\]|\{\s*\})$/.test(initializer.getText(tree))
}
