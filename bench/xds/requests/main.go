// Load of a benchmark: asks every service of a mesh twice, one request after the other over one connection, and prints how long the first and the second
// took: {"first": [ms, ...], "next": [ms, ...]}. Ends with 1 when one is not answered 200.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"
)

func main() { // requests <port> <number of the first service> <number behind the last>
	port, from, to := os.Args[1], number(os.Args[2]), number(os.Args[3])
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}, Timeout: 30 * time.Second}
	first, next := []float64{}, []float64{}
	for service := from; service < to; service++ {
		first = append(first, ask(client, port, service))
		next = append(next, ask(client, port, service))
	}
	check(json.NewEncoder(os.Stdout).Encode(map[string][]float64{"first": first, "next": next}))
}

func ask(client *http.Client, port string, service int) float64 {
	host := fmt.Sprintf("svc%d.test", service)
	request, err := http.NewRequest("GET", "http://127.0.0.1:"+port, nil)
	check(err)
	request.Host = host
	request.Header.Set("x-user", host)
	started := time.Now()
	answer, err := client.Do(request)
	check(err)
	_, err = io.Copy(io.Discard, answer.Body)
	check(err)
	check(answer.Body.Close())
	if answer.StatusCode != http.StatusOK {
		check(fmt.Errorf("%s answered %s", host, answer.Status))
	}
	return float64(time.Since(started)) / float64(time.Millisecond)
}

func number(text string) int {
	value, err := strconv.Atoi(text)
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
