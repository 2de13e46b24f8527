// Command server is an MCP server over stdio that Airlock guards: go run ./server
package main

import (
	"context"
	"log"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	airlock "github.com/airlock-mcp/airlock/bindings/go"
	"github.com/airlock-mcp/airlock/bindings/go/mcpairlock"
)

type order struct {
	Item  string `json:"item" jsonschema:"what to order"`
	Count int    `json:"count" jsonschema:"how many"`
}

func main() {
	guard, err := airlock.New(airlock.Options{Policy: airlock.PolicyTOML(`denied_tools = ["delete_*"]`)})
	if err != nil {
		log.Fatal(err)
	}
	server := mcp.NewServer(&mcp.Implementation{Name: "shop", Version: "1.0.0"}, nil)
	server.AddReceivingMiddleware(mcpairlock.New(guard))

	mcp.AddTool(server, &mcp.Tool{Name: "order", Description: "Orders something."},
		func(_ context.Context, _ *mcp.CallToolRequest, in order) (*mcp.CallToolResult, any, error) {
			text := "Ordered " + in.Item + ". Receipt to ann@example.com, password=Tr0ub4dor&3"
			return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: text}}}, nil, nil
		})
	if err := server.Run(context.Background(), &mcp.StdioTransport{}); err != nil {
		log.Fatal(err)
	}
}
