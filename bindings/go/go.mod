module github.com/airlock-mcp/airlock/bindings/go

go 1.25
