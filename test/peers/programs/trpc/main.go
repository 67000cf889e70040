// Servers and clients of trpc-go, with the payload as it stands (serialization "noop").
//
//	serve NAME PORT [NAME PORT ...]
//	call PORT METHOD[,METHOD ...] TEXT COUNT    prints one line a call: "= text" or "! code message"
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"trpc.group/trpc-go/trpc-go"
	"trpc.group/trpc-go/trpc-go/client"
	"trpc.group/trpc-go/trpc-go/codec"
	"trpc.group/trpc-go/trpc-go/errs"
	"trpc.group/trpc-go/trpc-go/log"
	"trpc.group/trpc-go/trpc-go/server"
)

const service = "trpc.shop.echo.Echo"

var methods = []string{"toA", "toB", "half", "refused", "slow", "nobody"}

type echo interface{}

func serve(name, port string) {
	options := []server.Option{
		server.WithAddress("127.0.0.1:" + port),
		server.WithNetwork("tcp"),
		server.WithProtocol("trpc"),
		server.WithServiceName(service),
		server.WithCurrentSerializationType(codec.SerializationTypeNoop),
		server.WithTimeout(20 * time.Second),
	}
	desc := &server.ServiceDesc{ServiceName: service, HandlerType: (*echo)(nil)}
	for _, method := range methods {
		method := method
		handle := func(_ interface{}, ctx context.Context, filters server.FilterFunc) (interface{}, error) {
			request := &codec.Body{}
			chain, err := filters(request)
			if err != nil {
				return nil, err
			}
			answer := func(_ context.Context, req interface{}) (interface{}, error) {
				if method == "slow" {
					time.Sleep(time.Second)
				}
				return &codec.Body{Data: []byte(name + ":" + string(req.(*codec.Body).Data))}, nil
			}
			return chain.Filter(ctx, request, answer)
		}
		desc.Methods = append(desc.Methods, server.Method{Name: "/" + service + "/" + method, Func: handle})
	}
	made := server.New(options...)
	if err := made.Register(desc, struct{}{}); err != nil {
		panic(err)
	}
	go func() {
		if err := made.Serve(); err != nil {
			panic(err)
		}
	}()
}

func call(port, names, text, count string) {
	times, _ := strconv.Atoi(count)
	for _, method := range strings.Split(names, ",") {
		for n := 1; n <= times; n++ {
			ctx, message := codec.WithCloneMessage(trpc.BackgroundContext())
			message.WithClientRPCName("/" + service + "/" + method)
			message.WithCalleeServiceName(service)
			request := &codec.Body{Data: []byte(text)}
			if times > 1 {
				request.Data = []byte(text + strconv.Itoa(n))
			}
			reply := &codec.Body{}
			err := client.DefaultClient.Invoke(ctx, request, reply,
				client.WithTarget("ip://127.0.0.1:"+port),
				client.WithNetwork("tcp"),
				client.WithProtocol("trpc"),
				client.WithSerializationType(codec.SerializationTypeNoop),
				client.WithTimeout(20*time.Second))
			if err != nil {
				fmt.Println("!", errs.Code(err), strings.ReplaceAll(errs.Msg(err), "\n", " "))
			} else {
				fmt.Println("=", string(reply.Data))
			}
		}
	}
}

func main() {
	log.SetLevel("0", log.LevelError)
	if os.Args[1] == "serve" {
		for i := 2; i+1 < len(os.Args); i += 2 {
			serve(os.Args[i], os.Args[i+1])
		}
		time.Sleep(300 * time.Millisecond)
		fmt.Println("ready")
		select {}
	}
	call(os.Args[2], os.Args[3], os.Args[4], os.Args[5])
}
