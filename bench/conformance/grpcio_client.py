"""Python's gRPC against a node, without generated code: grpcio_client.py HOST:PORT GROUP VALUES-FILE."""

import json
import sys

import grpc

address, group = sys.argv[1:3]
with open(sys.argv[3], encoding="utf8") as file:
    values = json.load(file)


def varint(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def field(number, text):
    # proto3 leaves out what is empty.
    return bytes([number << 3 | 2]) + varint(len(text.encode())) + text.encode() if text else b""


def request(key):
    return field(1, group) + field(2, key)


def expect(what, seen, wanted):
    if seen != wanted:
        sys.exit(f"{what} is {seen!r:.200}, not {wanted!r:.200}")


def status_of(call, *args, **options):
    try:
        call(*args, **options)
        return "OK"
    except grpc.RpcError as error:
        return error.code().name


with grpc.insecure_channel(address) as channel:
    get = channel.unary_unary("/pb.GroupCache/Get")
    for key, value in values.items():
        expect(f"the value of {key}", get(request(key), timeout=10), field(1, value))
    calls = [get.future(request("Tom"), timeout=10) for _ in range(500)]
    for call in calls:
        expect("a value of 500 at a time", call.result(), field(1, values["Tom"]))
    expect("the status of an unknown key", status_of(get, request("nobody"), timeout=10), "NOT_FOUND")
    unknown = channel.unary_unary("/pb.GroupCache/Nothing")
    expect("the status of an unknown method", status_of(unknown, b"", timeout=10), "UNIMPLEMENTED")
    gzip = get(request("Tom"), timeout=10, compression=grpc.Compression.Gzip)
    expect("the value for a compressed request", gzip, field(1, values["Tom"]))
    health = channel.unary_unary("/grpc.health.v1.Health/Check")
    expect("the health", health(b"", timeout=10), b"\x08\x01")
    watch = channel.unary_stream("/grpc.health.v1.Health/Watch")(b"", timeout=10)
    expect("the first health of a stream", next(watch), b"\x08\x01")
    watch.cancel()

print("values of all sizes, 500 calls at a time, statuses, gzip, health, a stream")
