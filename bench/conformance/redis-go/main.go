// go-redis and rueidis against a node: redis-go HOST:PORT TLS-HOST:PORT GROUP TTL-GROUP VALUES-FILE.
package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/rueidis"
)

const copyWithin = 10 * time.Second

var (
	ctx    = context.Background()
	values map[string]string
	group  string
	other  string
)

func expect(what string, seen, wanted any) {
	if !reflect.DeepEqual(seen, wanted) {
		fmt.Fprintf(os.Stderr, "%s is %.200v, not %.200v\n", what, seen, wanted)
		os.Exit(1)
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}

func key(name string) string { return group + ":" + name }

func main() {
	address, secure := os.Args[1], os.Args[2]
	group, other = os.Args[3], os.Args[4]
	expect("the values", json.Unmarshal(must(os.ReadFile(os.Args[5])), &values), nil)
	insecure := &tls.Config{InsecureSkipVerify: true}
	for _, options := range []*redis.Options{
		{Addr: address, Protocol: 2},
		{Addr: address, Protocol: 3},
		{Addr: secure, TLSConfig: insecure},
	} {
		client := redis.NewClient(options)
		readValues(client)
		readFacts(client)
		pipeline(client)
		tellOfServer(client)
		client.Close()
	}
	keepCopies(address)
	fmt.Println("go-redis over RESP2, RESP3 and TLS: values, nulls, times to live, pipelines, MULTI, CLIENT, COMMAND; rueidis: copies that are called back")
}

func readValues(r *redis.Client) {
	for name, value := range values {
		expect("the value of "+name, must(r.Get(ctx, key(name)).Result()), value)
	}
	expect("a value that is not there", r.Get(ctx, key("nobody")).Err(), redis.Nil)
	expect("MGET", must(r.MGet(ctx, key("Tom"), key("nobody")).Result()), []any{values["Tom"], nil})
	expect("GETRANGE", must(r.GetRange(ctx, key("digits"), -3, -1).Result()), "789")
	expect("STRLEN", must(r.StrLen(ctx, key("digits")).Result()), int64(10))
}

func readFacts(r *redis.Client) {
	expect("EXISTS", must(r.Exists(ctx, key("Tom"), key("nobody"), key("Tom")).Result()), int64(2))
	expect("TOUCH", must(r.Touch(ctx, key("Tom"), key("nobody")).Result()), int64(1))
	expect("TYPE", must(r.Type(ctx, key("nobody")).Result()), "none")
	expect("TTL", must(r.TTL(ctx, key("Tom")).Result()), time.Duration(-1))
	expect("TTL of nothing", must(r.TTL(ctx, key("nobody")).Result()), time.Duration(-2))
	left := must(r.PTTL(ctx, other+":Tom").Result())
	expect("PTTL of what has one", left > 0 && left <= 100*time.Second, true)
	expect("OBJECT REFCOUNT", must(r.ObjectRefCount(ctx, key("Tom")).Result()), int64(1))
	expect("MEMORY USAGE", must(r.MemoryUsage(ctx, key("Tom")).Result()) > 0, true)
	expect("DEL", must(r.Del(ctx, key("Tom"), key("digits")).Result()), int64(2))
	err := r.Set(ctx, key("Tom"), "1", 0).Err()
	expect("a write", err != nil && strings.HasPrefix(err.Error(), "READONLY"), true)
}

func pipeline(r *redis.Client) {
	for _, run := range []func(context.Context, func(redis.Pipeliner) error) ([]redis.Cmder, error){r.Pipelined, r.TxPipelined} {
		answers, err := run(ctx, func(pipe redis.Pipeliner) error {
			for i := range 500 {
				if i%2 == 0 {
					pipe.Get(ctx, key("Tom"))
				} else {
					pipe.Get(ctx, key(fmt.Sprint("missing", i)))
				}
			}
			return nil
		})
		expect("the error of a pipeline", errors.Is(err, redis.Nil), true)
		for i, answer := range answers {
			value, err := answer.(*redis.StringCmd).Result()
			expect("an answer in a pipeline", i%2 == 0 && value == values["Tom"] || i%2 == 1 && err == redis.Nil, true)
		}
	}
}

func tellOfServer(r *redis.Client) {
	expect("PING", must(r.Ping(ctx).Result()), "PONG")
	expect("ECHO", must(r.Echo(ctx, "Grüße").Result()), "Grüße")
	expect("CLIENT ID", must(r.ClientID(ctx).Result()) > 0, true)
	info := must(r.ClientInfo(ctx).Result())
	expect("the user of CLIENT INFO", info.User, "default")
	expect("COMMAND", must(r.Command(ctx).Result())["get"].FirstKeyPos, int8(1))
	expect("CONFIG GET", must(r.ConfigGet(ctx, "maxmemory").Result()), map[string]string{"maxmemory": "0"})
	expect("INFO", strings.Contains(must(r.Info(ctx, "server").Result()), "redis_version:7"), true)
	expect("TIME", time.Since(must(r.Time(ctx).Result())) < time.Minute, true)
	expect("DBSIZE", must(r.DBSize(ctx).Result()) > 0, true)
}

// Client-side caching: a hit of the client's own, and none once the value was deleted.
func keepCopies(address string) {
	client := must(rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{address}}))
	defer client.Close()
	get := func() rueidis.RedisResult {
		return client.DoCache(ctx, client.B().Get().Key(key("Tom")).Cache(), time.Minute)
	}
	awaitCopy := func(what string, isHit bool) {
		for deadline := time.Now().Add(copyWithin); get().IsCacheHit() != isHit; {
			expect(what, time.Now().Before(deadline), true)
		}
	}
	awaitCopy("a copy that is kept", true)
	expect("a value", must(get().ToString()), values["Tom"])
	for range 100 {
		expect("DEL", must(client.Do(ctx, client.B().Del().Key(key("Tom")).Build()).AsInt64()), int64(1))
		// What calls the copy back stands behind the reply to DEL, and ahead of the next one.
		expect("PING", must(client.Do(ctx, client.B().Ping().Build()).ToString()), "PONG")
		expect("a copy after DEL", get().IsCacheHit(), false)
		expect("the value after DEL", must(get().ToString()), values["Tom"])
		awaitCopy("a copy that is kept again", true)
	}
}
