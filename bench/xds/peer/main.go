// The peer of the benchmark: go-control-plane's LinearCache, one per type, with the very resources our server has.
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strconv"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/file/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

var resources = map[string]map[string]types.Resource{} // by type and name

func main() { // peer <file of a DeltaDiscoveryResponse>...
	for _, file := range os.Args[1:] {
		bytes := must(os.ReadFile(file))
		var response discovery.DeltaDiscoveryResponse
		check(proto.Unmarshal(bytes, &response))
		resources[response.TypeUrl] = map[string]types.Resource{}
		for _, one := range response.Resources {
			message := map[string]types.Resource{resource.ClusterType: &cluster.Cluster{}, resource.RouteType: &route.RouteConfiguration{},
				resource.EndpointType: &endpoint.ClusterLoadAssignment{}, resource.ListenerType: &listener.Listener{}}[response.TypeUrl]
			check(proto.Unmarshal(one.Resource.Value, message))
			resources[response.TypeUrl][one.Name] = message
		}
	}
	linear := map[string]*cache.LinearCache{}
	mux := cache.MuxCache{Classify: func(r *cache.Request) string { return r.TypeUrl },
		ClassifyDelta: func(r *cache.DeltaRequest) string { return r.TypeUrl }, Caches: map[string]cache.Cache{}}
	for url, initial := range resources {
		linear[url] = cache.NewLinearCache(url, cache.WithInitialResources(initial))
		mux.Caches[url] = linear[url]
	}
	xds, admin := must(net.Listen("tcp", "127.0.0.1:0")), must(net.Listen("tcp", "127.0.0.1:0"))
	grpcServer := grpc.NewServer()
	discovery.RegisterAggregatedDiscoveryServiceServer(grpcServer, server.NewServer(context.Background(), &mux, nil))
	number := func(r *http.Request, name string) uint32 {
		n, _ := strconv.Atoi(r.URL.Query().Get(name))
		return uint32(n)
	}
	http.HandleFunc("/ep", func(_ http.ResponseWriter, r *http.Request) {
		name, change := fmt.Sprintf("outbound|8080||s%04d.shop", number(r, "svc")), number(r, "v")
		changed := proto.Clone(resources[resource.EndpointType][name]).(*endpoint.ClusterLoadAssignment)
		changed.Endpoints[0].LbEndpoints[0].GetEndpoint().Address.Address.(*core.Address_SocketAddress).SocketAddress.Address =
			fmt.Sprintf("10.128.%d.%d", change>>8&255, change&255)
		check(linear[resource.EndpointType].UpdateResource(name, changed))
	})
	http.HandleFunc("/route", func(_ http.ResponseWriter, r *http.Request) {
		changed := proto.Clone(resources[resource.RouteType]["http_proxy"]).(*route.RouteConfiguration)
		for _, host := range changed.VirtualHosts {
			if split := host.Routes[0].GetRoute().GetWeightedClusters(); split != nil {
				split.Clusters[0].Weight.Value = number(r, "v") % 101
			}
		}
		check(linear[resource.RouteType].UpdateResource("http_proxy", changed))
	})
	http.HandleFunc("/gc", func(http.ResponseWriter, *http.Request) { debug.FreeOSMemory() })
	go func() { check(http.Serve(admin, nil)) }()
	fmt.Printf("{\"xds\":%d,\"admin\":%d,\"pid\":%d}\n", xds.Addr().(*net.TCPAddr).Port, admin.Addr().(*net.TCPAddr).Port, os.Getpid())
	check(grpcServer.Serve(xds))
}

func must[T any](value T, err error) T { check(err); return value }

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
