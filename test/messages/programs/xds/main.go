// A control plane of other people: go-control-plane's LinearCache, one for each type, over delta ADS. What it serves it does not read.
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
)

// xds <address> <file of a DeltaDiscoveryResponse>...: serves what is in the files, and prints its port and that of HTTP, where
// /set?file=... names a file whose resources take the place of those of its type.
func main() {
	mux := cache.MuxCache{Classify: func(r *cache.Request) string { return r.TypeUrl },
		ClassifyDelta: func(r *cache.DeltaRequest) string { return r.TypeUrl }, Caches: map[string]cache.Cache{}}
	for _, file := range os.Args[2:] {
		url, resources := read(file)
		mux.Caches[url] = cache.NewLinearCache(url, cache.WithInitialResources(resources))
	}
	listener := must(net.Listen("tcp", os.Args[1]))
	grpcServer := grpc.NewServer()
	discovery.RegisterAggregatedDiscoveryServiceServer(grpcServer, server.NewServer(context.Background(), &mux, nil))
	go func() { check(grpcServer.Serve(listener)) }()
	http.HandleFunc("/set", func(_ http.ResponseWriter, r *http.Request) {
		url, resources := read(r.URL.Query().Get("file"))
		mux.Caches[url].(*cache.LinearCache).SetResources(resources)
	})
	admin := must(net.Listen("tcp", "127.0.0.1:0"))
	fmt.Println(listener.Addr().(*net.TCPAddr).Port, admin.Addr().(*net.TCPAddr).Port)
	check(http.Serve(admin, nil))
}

func read(file string) (string, map[string]types.Resource) {
	var response discovery.DeltaDiscoveryResponse
	check(proto.Unmarshal(must(os.ReadFile(file)), &response))
	resources := map[string]types.Resource{}
	for _, one := range response.Resources {
		opaque := &emptypb.Empty{}
		opaque.ProtoReflect().SetUnknown(one.Resource.Value)
		resources[one.Name] = opaque
	}
	return response.TypeUrl, resources
}

func must[T any](value T, err error) T { check(err); return value }

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
