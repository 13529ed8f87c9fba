// Package values reads what the servers serve: a JSON file { "key": "value" }, the one that the node is given too.
package values

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
)

// Serve reads the file named by the flag -values and listens on a free port, which it prints.
func Serve() (map[string][]byte, net.Listener) {
	file := flag.String("values", "", "a JSON file: key to value")
	flag.Parse()
	text, err := os.ReadFile(*file)
	if err != nil {
		log.Fatal(err)
	}
	strings := map[string]string{}
	if err := json.Unmarshal(text, &strings); err != nil {
		log.Fatal(err)
	}
	values := map[string][]byte{}
	for key, value := range strings {
		values[key] = []byte(value)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listens on %s\n", listener.Addr())
	return values, listener
}
