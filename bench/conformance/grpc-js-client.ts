import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js'
import { getRequest } from '../load/get-request.js'
import { expect, type Served } from './check.js'

const DEADLINE_MS = 10_000
const AT_A_TIME = 500
/** Of a gRPC message, before protobuf. */
const PREFIX_BYTES = 5

/** grpc-js's client against the node, or against a proxy before it. Answers what worked. */
export async function runGrpcJs(address: string, { group, values }: Served): Promise<string> {
  const client = new Client(address, credentials.createInsecure())
  try {
    for (const [key, value] of Object.entries(values)) {
      expect(`the value of ${key}`, await get(client, group, key), value)
    }
    const many = await Promise.all(Array.from({ length: AT_A_TIME }, () => get(client, group, 'Tom')))
    expect('the values of many calls at a time', [...new Set(many)], [values.Tom])
    const code = await get(client, group, 'nobody').then(
      () => status.OK,
      (error: ServiceError) => error.code,
    )
    expect('the status of an unknown key', status[code], 'NOT_FOUND')
    return `values of all sizes, ${AT_A_TIME} calls at a time, NOT_FOUND`
  } finally {
    client.close()
  }
}

function get(client: Client, group: string, key: string): Promise<string> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      '/pb.GroupCache/Get',
      (asked: string) => messageOf(group, asked),
      (answer: Buffer) => valueIn(answer),
      key,
      { deadline: Date.now() + DEADLINE_MS },
      (error, value) => (error === null ? resolve(value!) : reject(error)),
    )
  })
}

function messageOf(group: string, key: string): Buffer {
  return getRequest(group, key).subarray(PREFIX_BYTES)
}

/** The one field of the answer; its length is a varint. */
function valueIn(answer: Buffer): string {
  let at = 1
  while (at < answer.length && answer[at]! > 127) at++
  return answer.toString('utf8', at + 1)
}
