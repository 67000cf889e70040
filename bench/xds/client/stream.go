package main

import (
	"bytes"
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protowire"
)

// Types in the order Envoy asks for them: endpoints when it knows its clusters, routes when it knows its listeners.
const (
	cds = iota
	eds
	lds
	rds
	typeCount
)

var typeURL = [typeCount]string{
	"type.googleapis.com/envoy.config.cluster.v3.Cluster",
	"type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
	"type.googleapis.com/envoy.config.listener.v3.Listener",
	"type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
}

// raw hands messages through as bytes: what decoding would cost the client is not the server's.
type raw struct{}

func (raw) Name() string                        { return "proto" }
func (raw) Marshal(message any) ([]byte, error) { return *message.(*[]byte), nil }
func (raw) Unmarshal(data []byte, into any) error {
	*into.(*[]byte) = append((*into.(*[]byte))[:0], data...)
	return nil
}

// stream is one proxy: its own connection, one aggregated stream.
type stream struct {
	fleet *fleet
	call  grpc.ClientStream
	conn  *grpc.ClientConn
	// What SotW requests repeat, encoded.
	names    [typeCount][]byte
	started  [typeCount]bool
	received [typeCount]atomic.Int64
	// The newest change whose endpoints were seen.
	seen   atomic.Int64
	synced bool
}

// fleet is all proxies of a run.
type fleet struct {
	delta    bool
	services int
	streams  []*stream
	// One tick for each response of a type, and for each stream that has everything.
	progress chan struct{}
	synced   atomic.Int64
	pushes   atomic.Int64
	bytes    atomic.Int64
	failed   atomic.Pointer[error]
	// What responses are searched for: the endpoint of the newest change.
	marker atomic.Pointer[marker]
}

type marker struct {
	change int64
	text   []byte
}

func (f *fleet) open(address string, index int) (*stream, error) {
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		// Envoy's windows (https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/core/v3/protocol.proto): no response waits for room.
		// A thousand at once on a busy machine take longer than the 20 s that an attempt has else.
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: backoff.DefaultConfig, MinConnectTimeout: *timeout}),
		grpc.WithInitialWindowSize(16<<20), grpc.WithInitialConnWindowSize(24<<20),
		grpc.WithReadBufferSize(16<<10), grpc.WithWriteBufferSize(4<<10), grpc.WithSharedWriteBuffer(true),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(raw{}), grpc.MaxCallRecvMsgSize(64<<20)))
	if err != nil {
		return nil, err
	}
	method := "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
	if !f.delta {
		method = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources"
	}
	call, err := conn.NewStream(context.Background(), &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, method)
	if err != nil {
		return nil, err
	}
	s := &stream{fleet: f, call: call, conn: conn}
	id := fmt.Sprintf("sidecar~10.0.%d.%d~load-%d.shop~shop.svc.cluster.local", index>>8, index&255, index)
	node := text(text(nil, 1, []byte(id)), 6, []byte("envoy"))
	if *lazy {
		// A version that can ask (https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/core/v3/base.proto#config-core-v3-node).
		node = text(node, 7, []byte("1.39.3"))
	}
	if err := s.subscribe(cds, nil, node); err != nil {
		return nil, err
	}
	if err := s.subscribe(lds, nil, nil); err != nil {
		return nil, err
	}
	go func() {
		if err := s.run(); err != nil {
			err = fmt.Errorf("stream %d: %w", index, err)
			f.failed.CompareAndSwap(nil, &err)
		}
	}()
	return s, nil
}

func (s *stream) run() error {
	var message []byte
	for {
		if err := s.call.RecvMsg(&message); err != nil {
			return err
		}
		if err := s.take(message); err != nil {
			return err
		}
	}
}

func (s *stream) take(message []byte) error {
	f := s.fleet
	kind, nonce, version := -1, []byte(nil), []byte(nil)
	var names []string
	for rest := message; len(rest) > 0; {
		field, wire, length := protowire.ConsumeTag(rest)
		if length < 0 {
			return fmt.Errorf("a response is no protobuf")
		}
		rest = rest[length:]
		if wire != protowire.BytesType {
			rest = rest[protowire.ConsumeFieldValue(field, wire, rest):]
			continue
		}
		value, length := protowire.ConsumeBytes(rest)
		if length < 0 {
			return fmt.Errorf("a response is cut")
		}
		rest = rest[length:]
		switch field {
		case 1:
			version = value
		case 2:
			if !s.started[eds] {
				names = append(names, clusterName(value, f.delta))
			}
		case 4:
			for index, url := range typeURL {
				if string(value) == url {
					kind = index
				}
			}
		case 5:
			nonce = value
		}
	}
	if kind < 0 {
		return fmt.Errorf("a response of an unknown type")
	}
	if kind == eds {
		if marker := f.marker.Load(); marker != nil && bytes.Contains(message, marker.text) {
			s.seen.Store(marker.change)
		}
	}
	if err := s.answer(kind, nonce, version); err != nil {
		return err
	}
	if kind == cds && !s.started[eds] && !*lazy {
		outbound := names[:0]
		for _, name := range names {
			if len(name) > 8 && name[:8] == "outbound" {
				outbound = append(outbound, name)
			}
		}
		if err := s.subscribe(eds, outbound, nil); err != nil {
			return err
		}
	}
	if kind == lds && !s.started[rds] {
		if err := s.subscribe(rds, []string{"http_proxy"}, nil); err != nil {
			return err
		}
	}
	s.received[kind].Add(1)
	f.pushes.Add(1)
	f.bytes.Add(int64(len(message)))
	if !s.synced && s.received[cds].Load() > 0 && (*lazy || s.received[eds].Load() > 0) && s.received[lds].Load() > 0 && s.received[rds].Load() > 0 {
		s.synced = true
		f.synced.Add(1)
	}
	return nil
}

func (s *stream) subscribe(kind int, names []string, node []byte) error {
	s.started[kind] = true
	var request []byte
	if s.fleet.delta {
		if node != nil {
			request = text(request, 1, node)
		}
		request = text(request, 2, []byte(typeURL[kind]))
		if names == nil {
			request = text(request, 3, []byte("*"))
		}
		for _, name := range names {
			request = text(request, 3, []byte(name))
		}
	} else {
		for _, name := range names {
			s.names[kind] = text(s.names[kind], 3, []byte(name))
		}
		if node != nil {
			request = text(request, 2, node)
		}
		request = text(append(request, s.names[kind]...), 4, []byte(typeURL[kind]))
	}
	return s.call.SendMsg(&request)
}

func (s *stream) answer(kind int, nonce, version []byte) error {
	var request []byte
	if s.fleet.delta {
		request = text(text(nil, 2, []byte(typeURL[kind])), 6, nonce)
	} else {
		request = append(text(make([]byte, 0, len(s.names[kind])+128), 1, version), s.names[kind]...)
		request = text(text(request, 4, []byte(typeURL[kind])), 5, nonce)
	}
	return s.call.SendMsg(&request)
}

// clusterName finds the name in a Resource (delta: field 3) or in the Cluster inside an Any (SotW: value is field 2, name 1).
func clusterName(value []byte, delta bool) string {
	if delta {
		return string(find(value, 3))
	}
	return string(find(find(value, 2), 1))
}

func find(message []byte, wanted protowire.Number) []byte {
	for len(message) > 0 {
		field, wire, length := protowire.ConsumeTag(message)
		if length < 0 {
			return nil
		}
		message = message[length:]
		size := protowire.ConsumeFieldValue(field, wire, message)
		if size < 0 {
			return nil
		}
		if field == wanted && wire == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(message)
			return value
		}
		message = message[size:]
	}
	return nil
}

func text(to []byte, field protowire.Number, value []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(to, field, protowire.BytesType), value)
}

// await polls until `done` holds for every stream. Polling costs the server nothing and the client little.
func (f *fleet) await(what string, limit time.Duration, done func(*stream) bool) error {
	until := time.Now().Add(limit)
	for at := 0; at < len(f.streams); {
		if done(f.streams[at]) {
			at++
			continue
		}
		if err := f.failed.Load(); err != nil {
			return *err
		}
		if time.Now().After(until) {
			return fmt.Errorf("%s: %d of %d streams after %v", what, at, len(f.streams), limit)
		}
		time.Sleep(500 * time.Microsecond)
	}
	return nil
}
