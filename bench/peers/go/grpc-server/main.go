// A gRPC server as anyone would write it with grpc-go: the method of the node, values from memory.
package main

import (
	"context"
	"log"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"peers/pb"
	"peers/values"
)

type server struct {
	pb.UnimplementedGroupCacheServer
	values map[string][]byte
}

func (s *server) Get(_ context.Context, request *pb.Request) (*pb.ResponseForGet, error) {
	value, found := s.values[request.GetKey()]
	if !found {
		return nil, status.Error(codes.NotFound, "key not found")
	}
	return &pb.ResponseForGet{Value: value}, nil
}

func main() {
	known, listener := values.Serve()
	grpcServer := grpc.NewServer()
	pb.RegisterGroupCacheServer(grpcServer, &server{values: known})
	log.Fatal(grpcServer.Serve(listener))
}
