module github.com/airlock-mcp/airlock/bindings/go/bench

go 1.25.0

require (
	github.com/airlock-mcp/airlock/bindings/go v0.0.0
	github.com/santhosh-tekuri/jsonschema/v6 v6.0.3
)

require golang.org/x/text v0.14.0 // indirect

replace github.com/airlock-mcp/airlock/bindings/go => ../
