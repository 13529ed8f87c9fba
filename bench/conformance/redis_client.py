"""Python's redis against a node: redis_client.py HOST:PORT TLS-HOST:PORT GROUP TTL-GROUP VALUES-FILE."""

import datetime
import json
import sys

import redis

address, tls_address, group, ttl_group = sys.argv[1:5]
with open(sys.argv[5], encoding="utf8") as file:
    values = json.load(file)
tom, nobody = f"{group}:Tom", f"{group}:nobody"


def expect(what, seen, wanted):
    if seen != wanted:
        sys.exit(f"{what} is {seen!r:.200}, not {wanted!r:.200}")


def raised(call, *args):
    try:
        return call(*args)
    except (redis.RedisError, KeyError) as error:
        return type(error).__name__


def client(where, **options):
    host, port = where.split(":")
    return redis.Redis(host=host, port=int(port), **options)


def read_values(r):
    for key, value in values.items():
        expect(f"the value of {key}", r.get(f"{group}:{key}"), value.encode())
    expect("a value that is not there", r.get(nobody), None)
    expect("an item", r[tom], values["Tom"].encode())
    expect("an item that is not there", raised(lambda: r[nobody]), "KeyError")
    expect("an empty item", r[f"{group}:empty"], b"")
    expect("contains", [tom in r, nobody in r], [True, False])
    expect("MGET of none", r.mget([]), [])
    expect("MGET of what is not there", r.mget([nobody, nobody]), [None, None])
    expect("MGET", r.mget(tom, nobody, f"{group}:empty"), [values["Tom"].encode(), None, b""])
    digits = f"{group}:digits"
    expect("GETRANGE", [r.getrange(digits, 0, 0), r.getrange(digits, 0, 2)], [b"0", b"012"])
    expect("GETRANGE behind the end", r.getrange(digits, 10, 12), b"")
    expect("SUBSTR", [r.substr(digits, 0), r.substr(digits, 3, 5)], [b"0123456789", b"345"])
    expect("SUBSTR from the end", r.substr(digits, 3, -2), b"345678")
    expect("STRLEN", [r.strlen(digits), r.strlen(nobody)], [10, 0])


def read_facts(r):
    expect("EXISTS", [r.exists(tom), r.exists(nobody), r.exists(tom, tom, nobody)], [1, 0, 2])
    expect("TOUCH", r.touch(tom, nobody), 1)
    expect("TYPE", [r.type(tom), r.type(nobody)], [b"string", b"none"])
    expect("TTL", [r.ttl(tom), r.ttl(nobody)], [-1, -2])
    expect("PTTL", [r.pttl(tom), r.pttl(nobody)], [-1, -2])
    expect("TTL of what has one", 0 < r.ttl(f"{ttl_group}:Tom") <= 100, True)
    expect("PTTL of what has one", 0 < r.pttl(f"{ttl_group}:Tom") <= 100_000, True)
    expect("OBJECT ENCODING", r.object("encoding", tom), b"raw")
    expect("OBJECT REFCOUNT", r.object("refcount", tom), 1)
    expect("MEMORY USAGE", isinstance(r.memory_usage(tom), int), True)
    expect("DBSIZE", r.dbsize() > 0, True)
    expect("DEL", r.delete(tom, f"{group}:digits"), 2)
    expect("UNLINK", r.unlink(tom), 1)
    expect("the value after DEL", r.get(tom), values["Tom"].encode())
    expect("a write", raised(r.set, tom, 1), "ReadOnlyError")
    expect("a command for lists", raised(r.lrange, tom, 0, -1), "ResponseError")


def pipeline(r):
    for transaction in [False, True]:
        pipe = r.pipeline(transaction)
        for i in range(500):
            pipe.get(tom if i % 2 else f"{group}:missing{i}")
        expect("a pipeline", pipe.execute(), [None, values["Tom"].encode()] * 250)
    pipe = r.pipeline(transaction=False)
    pipe.get(tom).lrange(tom, 0, -1).ping()
    seen = [type(of).__name__ if isinstance(of, Exception) else of for of in pipe.execute(raise_on_error=False)]
    expect("a pipeline with an error", seen, [values["Tom"].encode(), "ResponseError", True])


def tell_of_server(r):
    expect("PING", r.ping(), True)
    expect("ECHO", r.echo("foo bar"), b"foo bar")
    expect("TIME", [type(part) for part in r.time()], [int, int])
    expect("LASTSAVE", isinstance(r.lastsave(), datetime.datetime), True)
    expect("INFO", {"redis_version", "db0", "total_commands_processed"} - set(r.info()), set())
    expect("CONFIG GET", r.config_get()["maxmemory"].isdigit(), True)
    expect("CLIENT ID", r.client_id() > 0, True)
    expect("CLIENT LIST", "addr" in r.client_list()[0], True)
    for of in ["normal", "master", "replica", "pubsub"]:
        expect(f"CLIENT LIST TYPE {of}", isinstance(r.client_list(_type=of), list), True)
    expect("CLIENT INFO", "addr" in r.client_info(), True)
    with r.client() as one:
        expect("CLIENT GETNAME", one.client_getname(), None)
        expect("CLIENT SETNAME", one.client_setname("conformance"), True)
        expect("CLIENT GETNAME afterwards", one.client_getname(), "conformance")
        expect("CLIENT LIST with a name", "conformance" in [of["name"] for of in r.client_list()], True)
        expect("CLIENT TRACKINGINFO", one.client_trackinginfo()[1::2], [[b"off"], -1, []])
    expect("COMMAND", r.command()["get"]["step_count"], 1)
    expect("COMMAND COUNT", r.command_count() > 20, True)
    expect("COMMAND GETKEYS", r.command_getkeys("MGET", "a", "b"), ["a", "b"])
    expect("ACL WHOAMI", r.acl_whoami(), "default")


plain = client(address)
for one in [plain, client(tls_address, ssl=True, ssl_cert_reqs="none")]:
    read_values(one)
    read_facts(one)
    pipeline(one)
    tell_of_server(one)
decoding = client(address, decode_responses=True, single_connection_client=True)
expect("a decoded value", decoding.get(f"{group}:text"), values["text"])
# A subscriber of RESP2.
pubsub = plain.pubsub()
pubsub.subscribe("__redis__:invalidate")
expect("SUBSCRIBE", pubsub.get_message(timeout=10)["type"], "subscribe")
pubsub.ping()
expect("PING of a subscriber", pubsub.get_message(timeout=10)["type"], "pong")
pubsub.close()

print(f"redis {redis.__version__}, plain and TLS; values, items, nulls, times to live, pipelines, CLIENT, COMMAND, errors")
