import type { Operation, Schema } from './operation.js'

const TEXT: Schema = { type: 'string' }
const NUMBER: Schema = { type: 'number' }
const BYTES: Schema = { type: 'string', contentEncoding: 'base64' }
const FLAG: Schema = { type: 'boolean' }

function object(properties: Readonly<Record<string, Schema>>, optional: readonly string[] = []): Schema {
  return {
    type: 'object',
    properties,
    required: Object.keys(properties).filter((name) => !optional.includes(name)),
    additionalProperties: false,
  }
}

function list(items: Schema): Schema {
  return { type: 'array', items }
}

const json = (description: string, schema: Schema) => ({
  200: { description, content: { 'application/json': schema } },
})

export const GROUPS: Operation = {
  id: 'listGroups',
  summary: 'The groups of this node, and what they hold here',
  answers: json(
    'All groups',
    object({ groups: list(object({ name: TEXT, entries: NUMBER, bytes: NUMBER, maxBytes: NUMBER })) }),
  ),
}

export const STATS: Operation = {
  id: 'getStats',
  summary: 'All counters, by group and shard; those of the whole node have no group',
  answers: json(
    'All counters',
    object({
      self: TEXT,
      uptimeMs: NUMBER,
      counters: list(
        object(
          {
            name: TEXT,
            group: TEXT,
            shard: NUMBER,
            value: NUMBER,
            labels: { type: 'object', additionalProperties: TEXT },
          },
          ['labels'],
        ),
      ),
    }),
  ),
}

export const RING: Operation = {
  id: 'getRing',
  summary: 'The members of the ring and their shares of the keys',
  query: {
    key: { description: 'Percent-encoded bytes: names its owner, and who takes over', schema: TEXT },
  },
  answers: json(
    'The ring as this node sees it',
    object({ members: list(object({ address: TEXT, share: NUMBER, self: FLAG })), owners: list(TEXT) }, [
      'owners',
    ]),
  ),
}

export const PEERS: Operation = {
  id: 'listPeers',
  summary: 'The other members of the ring, and how the calls of this node to them went',
  answers: json(
    'All peers, by address',
    object({
      peers: list(
        object({ address: TEXT, state: TEXT, calls: NUMBER, errors: NUMBER, latencyMs: NUMBER }, [
          'latencyMs',
        ]),
      ),
    }),
  ),
}

export const EXPLAIN: Operation = {
  id: 'explainKey',
  summary: 'Who owns a key, and what the memory of this node has of it',
  parameters: {
    group: 'Name of the group, percent-encoded UTF-8',
    key: 'The key, percent-encoded bytes',
  },
  answers: json(
    'What there is to know',
    object(
      {
        group: TEXT,
        key: BYTES,
        owner: TEXT,
        isOwned: FLAG,
        shard: NUMBER,
        present: FLAG,
        notFound: FLAG,
        ageMs: NUMBER,
        ttlLeftMs: NUMBER,
        valueBytes: NUMBER,
        costBytes: NUMBER,
        hits: NUMBER,
        hotCopyMs: NUMBER,
      },
      ['ageMs', 'ttlLeftMs', 'hits', 'hotCopyMs'],
    ),
  ),
}

export const HOT_KEYS: Operation = {
  id: 'listHotKeys',
  summary: 'The keys in the memory of this node that are asked for most often, the hottest first: estimates',
  query: {
    group: { description: 'Of this group alone', schema: TEXT },
    count: {
      description: 'Most that are told; 32 by default',
      schema: { type: 'integer', minimum: 1, maximum: 4096 },
    },
  },
  answers: json(
    'The hottest keys',
    object({
      keys: list(
        object({ group: TEXT, key: BYTES, text: TEXT, hits: NUMBER, hitsOverMax: NUMBER }, ['text']),
      ),
    }),
  ),
}
