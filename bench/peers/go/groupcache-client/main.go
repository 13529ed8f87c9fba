// groupcache's own client: a pool whose only peer is the server under test, so that every key is asked of it. Keys whose
// value differs are named; a key that nobody has must be an error.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"

	"github.com/golang/groupcache"
)

var errAskedHere = errors.New("the peer gave no answer")

func main() {
	log.SetFlags(0)
	peer := flag.String("peer", "", "http://HOST:PORT of the server under test")
	name := flag.String("group", "", "the group")
	file := flag.String("values", "", "a JSON file: key to value")
	flag.Parse()
	text, err := os.ReadFile(*file)
	if err != nil {
		log.Fatal(err)
	}
	values := map[string]string{}
	if err := json.Unmarshal(text, &values); err != nil {
		log.Fatal(err)
	}
	pool := groupcache.NewHTTPPoolOpts("http://127.0.0.1:1", nil)
	pool.Set(*peer)
	here := func(context.Context, string, groupcache.Sink) error { return errAskedHere }
	group := groupcache.NewGroup(*name, 1<<20, groupcache.GetterFunc(here))
	for key, value := range values {
		var got []byte
		if err := group.Get(context.Background(), key, groupcache.AllocatingByteSliceSink(&got)); err != nil {
			log.Fatalf("%q: %v", key, err)
		}
		if !bytes.Equal(got, []byte(value)) {
			log.Fatalf("%q: %d bytes that are not the value", key, len(got))
		}
	}
	var got []byte
	if err := group.Get(context.Background(), "no such key", groupcache.AllocatingByteSliceSink(&got)); err == nil {
		log.Fatal("a key that nobody has was answered")
	}
	stats := &group.Stats
	if errs := stats.PeerErrors.Get(); errs != 1 {
		log.Fatalf("%d errors of the peer, not the one for the key that nobody has", errs)
	}
	fmt.Printf("%d keys from the peer\n", stats.PeerLoads.Get())
}
