//! A firewall whose calls somebody looks at.

use airlock::core::{Call, Caller, Output, ToolDefinition};
use airlock::observe::Metrics;
use airlock::policy::PolicyFile;
use airlock::{Firewall, Outcome};

const SCHEMA: &[u8] = br#"{"type":"object","properties":{"text":{"type":"string"}}}"#;

pub(crate) fn firewall(metrics: Metrics) -> Firewall {
    let policy = PolicyFile::parse(
        "policy.toml",
        "denied_tools = [\"drop_*\"]\n[[rule]]\nid = \"say\"\neffect = \"allow\"\ntools = [\"*\"]\n",
    );
    let tool = |name| ToolDefinition { name, input_schema: SCHEMA, output_schema: None };
    let builder = Firewall::builder().policy(policy.unwrap()).metrics(metrics);
    builder.tool(tool("echo")).unwrap().tool(tool("drop_all")).unwrap().build().unwrap()
}

/// Some calls with a value in each place where one can be.
pub(crate) fn calls(firewall: &Firewall, secret: &str) {
    let text = format!(r#"{{"text":"{secret}","{secret}":1}}"#);
    let wrong = format!(r#"{{"text":["{secret}"]}}"#);
    let broken = format!(r#"{{"text":"{secret}"#);
    let caller = Caller { agent: Some("bot"), ..Caller::default() };
    for (tool, arguments) in
        [("echo", &text), ("echo", &wrong), ("echo", &broken), ("drop_all", &text), (secret, &text)]
    {
        let call = Call { tool, arguments: arguments.as_bytes(), caller, ..Call::default() };
        if let Ok(permit) = firewall.call(&call) {
            permit.finish(Outcome::Failed);
        }
    }
    let output = format!("password={secret} ann@example.org");
    let _ = firewall.filter("echo", Output::Text(output.as_bytes()));
}
