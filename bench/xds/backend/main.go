// Backends of a benchmark: so many HTTP/1.1 servers that answer at once. Prints their ports as a JSON list, and ends with its input.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
)

func main() { // backend <count>
	count, err := strconv.Atoi(os.Args[1])
	check(err)
	ports := []int{}
	for range count {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		check(err)
		ports = append(ports, listener.Addr().(*net.TCPAddr).Port)
		go func() {
			check(http.Serve(listener, http.HandlerFunc(func(answer http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(answer, "ok\n")
			})))
		}()
	}
	check(json.NewEncoder(os.Stdout).Encode(ports))
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
