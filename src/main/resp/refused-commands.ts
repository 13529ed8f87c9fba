const READONLY = 'READONLY geek-cache is for reading: values come from the source of their group'
const WRONGTYPE = 'WRONGTYPE Operation against a key holding the wrong kind of value: all values are strings'

/** Commands that change values. */
const WRITES = `set setnx setex psetex getset getdel getex setrange append incr decr incrby decrby incrbyfloat mset
  msetnx expire pexpire expireat pexpireat persist rename renamenx copy move restore migrate sort setbit bitop bitfield
  lpush rpush lpushx rpushx lpop rpop linsert lset lrem ltrim lmove blmove rpoplpush brpoplpush blpop brpop lmpop blmpop
  sadd srem spop smove sinterstore sunionstore sdiffstore zadd zincrby zrem zremrangebyscore zremrangebyrank
  zremrangebylex zpopmin zpopmax bzpopmin bzpopmax zmpop bzmpop zunionstore zinterstore zdiffstore zrangestore hset
  hsetnx hmset hincrby hincrbyfloat hdel hexpire geoadd georadius georadiusbymember geosearchstore pfadd pfmerge xadd
  xdel xtrim xack xgroup xclaim xautoclaim xsetid flushdb flushall swapdb publish spublish function`

/** Commands that read what is no string. */
const OTHER_TYPES = `hget hmget hgetall hkeys hvals hlen hexists hstrlen hrandfield hscan lrange llen lindex lpos smembers
  sismember smismember scard srandmember sinter sintercard sunion sdiff sscan zrange zrevrange zrangebyscore
  zrevrangebyscore zrangebylex zrevrangebylex zscore zmscore zcard zcount zlexcount zrank zrevrank zrandmember zscan
  zinter zintercard zunion zdiff geodist geohash geopos geosearch pfcount xrange xrevrange xlen xread xreadgroup
  xpending xinfo`

const NOT_LISTED =
  'a cache does not list its keys; geek-cache hot GROUP tells the ones that are asked for most'

/** Why the other well-known commands are not here. */
const REASONS: readonly (readonly [names: string, reason: string])[] = [
  ['scan keys randomkey', NOT_LISTED],
  ['watch unwatch', 'there are no writes that one could have to wait for'],
  ['eval evalsha eval_ro evalsha_ro fcall fcall_ro script', 'scripts do not run here'],
  ['psubscribe punsubscribe ssubscribe sunsubscribe pubsub', 'the only channel is __redis__:invalidate'],
  ['cluster asking', 'This instance has cluster support disabled'],
  ['monitor slowlog latency', 'see the counters and traces of the node'],
  [
    'save bgsave bgrewriteaof shutdown debug failover replicaof slaveof sync psync replconf',
    'the node is operated elsewhere',
  ],
  [
    'dump getbit bitcount bitpos bitfield_ro lcs sort_ro expiretime pexpiretime wait',
    'it is not implemented',
  ],
]

/** Error replies of commands that Redis has and that are refused here, by name. */
export function refusedCommands(): ReadonlyMap<string, string> {
  const refused = new Map<string, string>()
  for (const name of namesIn(WRITES)) refused.set(name, READONLY)
  for (const name of namesIn(OTHER_TYPES)) refused.set(name, WRONGTYPE)
  for (const [names, reason] of REASONS) {
    for (const name of namesIn(names))
      refused.set(name, `ERR ${name.toUpperCase()} is not supported: ${reason}`)
  }
  return refused
}

function namesIn(text: string): string[] {
  return text.split(/\s+/)
}
