// A fleet of proxies for measuring an xDS server: subscribes as Envoy does, acknowledges, counts; and drives the changes.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

var (
	xds      = flag.String("xds", "", "address of the xDS server")
	admin    = flag.String("admin", "", "address that takes POST /ep, /route and /gc")
	pid      = flag.Int("pid", 0, "process of the server, whose CPU and memory are read")
	form     = flag.String("form", "delta", "delta or sotw")
	count    = flag.Int("streams", 1000, "proxies")
	services = flag.Int("services", 200, "services of the mesh")
	lazy     = flag.Bool("lazy", false, "clusters on demand: nothing is asked for but what is there without asking")
	warm     = flag.Int("warm", 25, "changes before those that are measured")
	changes  = flag.Int("changes", 25, "measured changes of each kind")
	kinds    = flag.String("kinds", "endpoint,route", "kinds of changes: endpoint, route")
	storm    = flag.Duration("storm", 10*time.Second, "length of the storm")
	again    = flag.Int("again", 3, "times all proxies leave and come back at the end, as they did first")
	rate     = flag.Int("rate", 200, "changes per second of the storm")
	timeout  = flag.Duration("timeout", 60*time.Second, "longest wait for one step")
)

type pushed struct {
	CPUPerStream   float64 `json:"cpuUsPerStream"`
	LastMs         float64 `json:"lastMs"`
	BytesPerStream float64 `json:"bytesPerStream"`
	LoopP99        float64 `json:"loopP99Ms"`
}

type stormed struct {
	TakenPerSecond float64 `json:"takenPerSecond"`
	Cores          float64 `json:"cores"`
	LateMs         float64 `json:"lateMs"`
	PushesPerSec   float64 `json:"pushesPerStreamAndSecond"`
	RSS            float64 `json:"rssMb"`
	LoopP99        float64 `json:"loopP99Ms"`
}

type synced struct {
	Wall float64 `json:"wallS"`
	CPU  float64 `json:"cpuS"`
	Loop float64 `json:"loopP99Ms"`
}

type result struct {
	SyncWall  float64  `json:"syncWallS"`
	SyncCPU   float64  `json:"syncCpuS"`
	SyncLoop  float64  `json:"syncLoopP99Ms"`
	BaseMb    float64  `json:"baseMb"`
	IdleMb    float64  `json:"idleMb"`
	PerStream float64  `json:"rssKbPerStream"`
	AfterGC   float64  `json:"rssKbPerStreamAfterGc"`
	Endpoint  *pushed  `json:"endpoint,omitempty"`
	Route     *pushed  `json:"route,omitempty"`
	Storm     *stormed `json:"storm,omitempty"`
	Warm      *synced  `json:"warm,omitempty"`
}

func main() {
	flag.Parse()
	result, err := measure()
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(result)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "xds load client:", err)
		os.Exit(1)
	}
}

func measure() (*result, error) {
	f := newFleet()
	if err := post("/gc"); err != nil {
		return nil, err
	}
	base := rss()
	result := &result{BaseMb: base / 1e6}
	fresh, err := f.sync()
	if err != nil {
		return nil, err
	}
	result.SyncWall, result.SyncCPU, result.SyncLoop = fresh.Wall, fresh.CPU, fresh.Loop
	runtime.GC()
	time.Sleep(1500 * time.Millisecond)
	idle := rss()
	result.IdleMb = idle / 1e6
	result.PerStream = (idle - base) / 1024 / float64(*count)

	if *changes > 0 && strings.Contains(*kinds, "endpoint") {
		if result.Endpoint, err = f.push("endpoint", eds, func(change int) string {
			return fmt.Sprintf("/ep?svc=%d&v=%d", change%*services, change)
		}); err != nil {
			return nil, err
		}
	}
	if *changes > 0 && strings.Contains(*kinds, "route") {
		if result.Route, err = f.push("route", rds, func(change int) string { return fmt.Sprintf("/route?v=%d", change) }); err != nil {
			return nil, err
		}
	}
	if *storm > 0 {
		if result.Storm, err = f.storm(); err != nil {
			return nil, err
		}
	}
	time.Sleep(time.Second)
	for range 2 {
		if err := post("/gc"); err != nil {
			return nil, err
		}
	}
	time.Sleep(200 * time.Millisecond)
	result.AfterGC = (rss() - base) / 1024 / float64(*count)
	if *again > 0 {
		if result.Warm, err = f.warm(); err != nil {
			return nil, err
		}
	}
	return result, nil
}

func newFleet() *fleet {
	return &fleet{delta: *form == "delta", services: *services}
}

// sync connects all proxies at once and waits until each has everything.
func (f *fleet) sync() (*synced, error) {
	loopDelay()
	started, cpu := time.Now(), cpuTime()
	if err := f.connect(); err != nil {
		return nil, err
	}
	wall := time.Since(started).Seconds()
	time.Sleep(300 * time.Millisecond)
	return &synced{Wall: wall, CPU: (cpuTime() - cpu).Seconds(), Loop: loopDelay()}, nil
}

// warm lets all proxies leave and come back, each over a connection of its own, to a server whose code has run before. What
// leaving costs is not in it. Medians.
func (f *fleet) warm() (*synced, error) {
	var walls, cpus, loops []float64
	for range *again {
		for _, stream := range f.streams {
			stream.conn.Close()
		}
		quiet()
		// A control plane takes so many new streams at once and then a thousand a second.
		time.Sleep(time.Duration(*count) * time.Millisecond)
		f = newFleet()
		runtime.GC()
		once, err := f.sync()
		if err != nil {
			return nil, fmt.Errorf("when all came back: %w", err)
		}
		walls, cpus, loops = append(walls, once.Wall), append(cpus, once.CPU), append(loops, once.Loop)
	}
	return &synced{Wall: median(walls), CPU: median(cpus), Loop: median(loops)}, nil
}

// quiet waits until the server has nothing to do, ten seconds at most.
func quiet() {
	for range 20 {
		before := cpuTime()
		time.Sleep(500 * time.Millisecond)
		if cpuTime()-before <= 10*time.Millisecond {
			return
		}
	}
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// connect opens all streams at once, as a fleet does that lost its control plane.
func (f *fleet) connect() error {
	f.streams = make([]*stream, *count)
	errs := make(chan error, *count)
	var wait sync.WaitGroup
	for index := range f.streams {
		wait.Add(1)
		go func() {
			defer wait.Done()
			var err error
			if f.streams[index], err = f.open(*xds, index); err != nil {
				errs <- err
			}
		}()
	}
	wait.Wait()
	close(errs)
	for err := range errs {
		return err
	}
	if err := f.await("sync", *timeout, func(*stream) bool { return f.synced.Load() == int64(*count) }); err != nil {
		return err
	}
	return nil
}

// push makes changes one after the other, each when all streams have the last one. CPU is of all that are measured; the
// time of the last stream is the median.
func (f *fleet) push(what string, kind int, path func(change int) string) (*pushed, error) {
	var lasts []float64
	var cpu time.Duration
	var bytes int64
	for change := range *warm + *changes {
		if change == *warm {
			loopDelay()
			cpu, bytes = cpuTime(), f.bytes.Load()
		}
		before := make([]int64, len(f.streams))
		for index, stream := range f.streams {
			before[index] = stream.received[kind].Load()
		}
		started := time.Now()
		// Weights must differ from those before, endpoints too; 0 is the state at the start.
		if err := post(path(change + 1)); err != nil {
			return nil, err
		}
		index := 0
		if err := f.await(what, *timeout, func(stream *stream) bool {
			if stream.received[kind].Load() <= before[index] {
				return false
			}
			index++
			return true
		}); err != nil {
			return nil, err
		}
		if change >= *warm {
			lasts = append(lasts, float64(time.Since(started).Microseconds())/1e3)
		}
		// Answers arrive, and the next change does not meet a server that is still busy with this one.
		time.Sleep(100 * time.Millisecond)
	}
	per := float64(*changes * len(f.streams))
	return &pushed{
		CPUPerStream:   float64((cpuTime() - cpu).Microseconds()) / per,
		LastMs:         median(lasts),
		BytesPerStream: float64(f.bytes.Load()-bytes) / per,
		LoopP99:        loopDelay(),
	}, nil
}

// storm sends changes at a fixed rate, over all services in turn; a server that is slow to take them gets fewer.
func (f *fleet) storm() (*stormed, error) {
	const first = 10_000
	interval := time.Second / time.Duration(*rate)
	loopDelay()
	started, cpu, pushes := time.Now(), cpuTime(), f.pushes.Load()
	taken := 0
	var last time.Time
	peak := 0.0
	for due := started; time.Since(started) < *storm; taken++ {
		time.Sleep(time.Until(due))
		change := int64(first + taken)
		f.marker.Store(&marker{change, fmt.Appendf(nil, "10.128.%d.%d", change>>8&255, change&255)})
		last = time.Now()
		if err := post(fmt.Sprintf("/ep?svc=%d&v=%d", taken%*services, change)); err != nil {
			return nil, err
		}
		if taken%*rate == 0 {
			peak = max(peak, rss())
		}
		due = due.Add(interval)
	}
	took := time.Since(started).Seconds()
	newest := int64(first + taken - 1)
	if err := f.await("storm", *timeout, func(stream *stream) bool { return stream.seen.Load() == newest }); err != nil {
		return nil, err
	}
	late := time.Since(last)
	return &stormed{
		TakenPerSecond: float64(taken) / took,
		Cores:          (cpuTime() - cpu).Seconds() / time.Since(started).Seconds(),
		LateMs:         float64(late.Microseconds()) / 1e3,
		PushesPerSec:   float64(f.pushes.Load()-pushes) / float64(len(f.streams)) / took,
		RSS:            peak / 1e6,
		LoopP99:        loopDelay(),
	}, nil
}

func post(path string) error {
	response, err := http.Post("http://"+*admin+path, "", nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s %s", path, response.Status, body)
	}
	return err
}

// loopDelay reads the 99th percentile of the server's event-loop delay since the last call, in ms; 0 where there is no loop.
func loopDelay() float64 {
	response, err := http.Get("http://" + *admin + "/stats")
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	var stats struct {
		LoopP99 float64 `json:"loopP99"`
	}
	if json.NewDecoder(response.Body).Decode(&stats) != nil {
		return 0
	}
	return stats.LoopP99
}

// cpuTime is what the server's process has used so far (proc(5): fields 14 and 15, in 1/100 s).
func cpuTime() time.Duration {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", *pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(line[strings.LastIndexByte(string(line), ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// rss is the server's resident memory in bytes.
func rss() float64 {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", *pid))
	if err != nil {
		return 0
	}
	pages, _ := strconv.Atoi(strings.Fields(string(line))[1])
	return float64(pages * os.Getpagesize())
}
