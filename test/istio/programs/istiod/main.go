// Istio's control plane as a filter: one JSON line in (a mesh and its proxies), one JSON line out (what each proxy would get).
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"istio.io/istio/pilot/pkg/config/kube/crd"
	"istio.io/istio/pilot/pkg/model"
	fake "istio.io/istio/pilot/test/xds"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/mesh"
	"istio.io/istio/pkg/log"
	pm "istio.io/istio/pkg/model"
	"istio.io/istio/pkg/test"
)

// A proxy that asks.
type asker struct {
	Type      string            `json:"type"` // sidecar or router
	Namespace string            `json:"ns"`
	ID        string            `json:"id"`
	IP        string            `json:"ip"` // several with commas
	Labels    map[string]string `json:"labels"`
	Metadata  json.RawMessage   `json:"metadata"` // of the node, as Istio reads it
	Locality  string            `json:"locality"` // region/zone/subzone
}

type question struct {
	ID        string   `json:"id"`
	Documents []string `json:"documents"` // Istio's, one a text
	Kube      string   `json:"kube"`      // objects of Kubernetes
	Mesh      string   `json:"mesh"`      // MeshConfig
	Proxies   []asker  `json:"proxies"`
}

type resources struct {
	Listeners []json.RawMessage `json:"listeners"`
	Routes    []json.RawMessage `json:"routes"`
	Clusters  []json.RawMessage `json:"clusters"`
	Endpoints []json.RawMessage `json:"endpoints"`
}

type answer struct {
	ID      string         `json:"id"`
	Err     string         `json:"err,omitempty"`
	Refused map[int]string `json:"refused,omitempty"` // documents that validation refuses, with its words; they are left out
	Res     []resources    `json:"res"`
}

func main() {
	for _, scope := range log.Scopes() {
		scope.SetOutputLevel(log.NoneLevel)
	}
	// Istio's packages write to standard output as they like: answers have a descriptor of their own where there is one.
	out := os.NewFile(3, "answers")
	if _, err := out.Stat(); err != nil {
		out = os.Stdout
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 1<<20), 1<<27)
	answers := json.NewEncoder(out)
	for lines.Scan() {
		var asked question
		said := answer{}
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			said.Err = "no question: " + err.Error()
		} else {
			said = ask(asked)
		}
		if err := answers.Encode(said); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// What Istio makes of a mesh; what it complains of stands in Err.
func ask(asked question) (said answer) {
	said.ID = asked.ID
	err := test.Wrap(func(t test.Failer) {
		defer func() {
			if reason := recover(); reason != nil {
				said.Err = fmt.Sprint("panic: ", reason)
			}
		}()
		var configs []config.Config
		for index, text := range asked.Documents {
			found, _, err := crd.ParseInputs(text)
			if err != nil {
				if said.Refused == nil {
					said.Refused = map[int]string{}
				}
				said.Refused[index] = err.Error()
				continue
			}
			for _, one := range found {
				one.Domain = "cluster.local"
				configs = append(configs, one)
			}
		}
		settings := mesh.DefaultMeshConfig()
		if asked.Mesh != "" {
			changed, err := mesh.ApplyMeshConfigDefaults(asked.Mesh)
			must(t, err)
			settings = changed
		}
		server := fake.NewFakeDiscoveryServer(t, fake.FakeOptions{
			Configs:                    configs,
			KubernetesObjectString:     asked.Kube,
			MeshConfig:                 settings,
			DisableSecretAuthorization: true,
		})
		for _, one := range asked.Proxies {
			proxy := server.SetupProxy(nodeOf(t, one))
			said.Res = append(said.Res, resources{
				Listeners: texts(t, server.Listeners(proxy)),
				Routes:    texts(t, server.Routes(proxy)),
				Clusters:  texts(t, server.Clusters(proxy)),
				Endpoints: texts(t, server.Endpoints(proxy)),
			})
		}
	})
	if err != nil && said.Err == "" {
		said.Err = err.Error()
	}
	return said
}

func nodeOf(t test.Failer, one asker) *model.Proxy {
	metadata := &model.NodeMetadata{}
	if len(one.Metadata) > 0 {
		must(t, json.Unmarshal(one.Metadata, metadata))
	}
	metadata.Namespace = one.Namespace
	if metadata.Labels == nil {
		metadata.Labels = one.Labels
	}
	node := &model.Proxy{
		Type:            model.SidecarProxy,
		ConfigNamespace: one.Namespace,
		Labels:          one.Labels,
		ID:              or(one.ID, "x."+one.Namespace),
		IPAddresses:     strings.Split(or(one.IP, "1.1.1.1"), ","),
		DNSDomain:       one.Namespace + ".svc.cluster.local",
		Metadata:        metadata,
	}
	if one.Type == "router" {
		node.Type = model.Router
	}
	if one.Locality != "" {
		node.Locality = pm.ConvertLocality(one.Locality)
	}
	return node
}

func texts[T proto.Message](t test.Failer, messages []T) []json.RawMessage {
	found := []json.RawMessage{}
	for _, message := range messages {
		text, err := protojson.Marshal(message)
		must(t, err)
		found = append(found, text)
	}
	return found
}

func must(t test.Failer, err error) {
	if err != nil {
		t.Fatal(err)
	}
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
