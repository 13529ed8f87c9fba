// groupcache itself, over the transport that it has: HTTP/1.1, GET /_groupcache/<group>/<key>.
package main

import (
	"context"
	"errors"
	"log"
	"net/http"

	"github.com/golang/groupcache"

	"peers/values"
)

func main() {
	known, listener := values.Serve()
	self := "http://" + listener.Addr().String()
	pool := groupcache.NewHTTPPoolOpts(self, nil)
	pool.Set(self)
	load := func(_ context.Context, key string, sink groupcache.Sink) error {
		value, found := known[key]
		if !found {
			return errors.New("key not found")
		}
		return sink.SetBytes(value)
	}
	groupcache.NewGroup("bench", 64<<20, groupcache.GetterFunc(load))
	log.Fatal(http.Serve(listener, pool))
}
