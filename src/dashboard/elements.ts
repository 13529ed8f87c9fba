/** The element with this id, which the page has. */
export function element<Kind extends Element = HTMLElement>(id: string): Kind {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`The page has no #${id}`)
  return found as unknown as Kind
}

/** Sets text only when it is another one: a selection stays, and nothing is laid out anew. */
export function setText(node: Node, text: string): void {
  if (node.textContent !== text) node.textContent = text
}

const SVG = 'http://www.w3.org/2000/svg'

export function svg(name: string, attributes: Readonly<Record<string, string | number>>): SVGElement {
  const made = document.createElementNS(SVG, name) as SVGElement
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, String(value))
  return made
}

/** Colours of series, by their place in a list; they begin again after the sixth. */
export function seriesColour(index: number): string {
  return `var(--series-${(index % 6) + 1})`
}
