/** A JSON schema, as OpenAPI 3.1 has it (JSON Schema 2020-12). */
export interface Schema {
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly format?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly maxItems?: number
  readonly contentEncoding?: string
  readonly additionalProperties?: boolean | Schema
  readonly $ref?: string
}

/** One answer that a route may give. */
export interface DescribedAnswer {
  readonly description: string
  /** Names in lower case, and what they say. */
  readonly headers?: Readonly<Record<string, string>>
  /** Media types, with the schema of each; bytes have none. */
  readonly content?: Readonly<Record<string, Schema | undefined>>
}

/** What the OpenAPI document says of a route. */
export interface Operation {
  readonly id: string
  readonly summary: string
  readonly description?: string
  readonly parameters?: Readonly<Record<string, string>>
  /** Parameters of the query string. */
  readonly query?: Readonly<Record<string, { readonly description: string; readonly schema: Schema }>>
  /** Request headers that the route heeds. */
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Readonly<Record<string, Schema | undefined>>
  /** By status. Problems need not be listed but for those that are special to the route. */
  readonly answers: Readonly<Record<number, DescribedAnswer>>
}
