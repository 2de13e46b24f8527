//! Spans of calls to an OpenTelemetry collector, by OTLP over HTTP.
//!
//! The variables of OpenTelemetry say where to and how. Spans wait in a bounded queue for a thread of their
//! own, and what does not fit is dropped: no call waits for a collector, and the end for one second at most.

use std::env;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use airlock::observe::Traces;
use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{
    OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TIMEOUT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
    OTEL_EXPORTER_OTLP_TRACES_TIMEOUT, Protocol, SpanExporter, WithExportConfig, WithHttpConfig,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use ureq::Agent;

/// How long the end may wait for the collector: clients kill after two seconds.
const LAST: Duration = Duration::from_secs(1);
/// How long a request may take unless a variable says so.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Longest answer that is read, in bytes.
const MAX_ANSWER: u64 = 64 << 10;

/// Sends spans until it is dropped; nothing when no variable names a collector.
pub struct Exporter(Option<SdkTracerProvider>);

impl Exporter {
    /// Starts to send. What is wrong with the variables is said and costs no call.
    pub fn start() -> Self {
        let endpoint = read(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT)
            .or_else(|| read(OTEL_EXPORTER_OTLP_ENDPOINT))
            .filter(|_| !is(DISABLED, "true") && !is(EXPORTER, "none"));
        Self(endpoint.and_then(|endpoint| match provider(&endpoint) {
            Ok(provider) => Some(provider),
            Err(why) => {
                eprintln!("airlock: no traces are exported: {why}");
                None
            }
        }))
    }

    /// Where spans go.
    pub fn traces(&self) -> Option<Traces> {
        self.0.as_ref().map(Traces::of)
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        if let Some(provider) = &self.0 {
            // Who does not answer was told of.
            let _ = provider.shutdown_with_timeout(LAST);
        }
    }
}

/// Turns everything off that OpenTelemetry does.
const DISABLED: &str = "OTEL_SDK_DISABLED";
/// `otlp` or `none`.
const EXPORTER: &str = "OTEL_TRACES_EXPORTER";
/// Name of the program, as traces show it.
const SERVICE: &str = "OTEL_SERVICE_NAME";
/// What else traces show of it, its name among the rest.
const ATTRIBUTES: &str = "OTEL_RESOURCE_ATTRIBUTES";

/// The value of a variable; an empty one is none.
fn read(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn is(name: &str, value: &str) -> bool {
    read(name).is_some_and(|found| found.eq_ignore_ascii_case(value))
}

fn provider(endpoint: &str) -> Result<SdkTracerProvider, String> {
    if !endpoint.starts_with("http://") {
        let why = "this build does not encrypt: name a collector of this machine as http://…";
        return Err(why.into());
    }
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Client::new())
        .with_protocol(Protocol::HttpBinary)
        .build()
        .map_err(|error| error.to_string())?;
    let mut resource = Resource::builder();
    if read(SERVICE).is_none() && !read(ATTRIBUTES).is_some_and(|all| all.contains("service.name="))
    {
        resource = resource.with_service_name("airlock");
    }
    let provider = SdkTracerProvider::builder().with_batch_exporter(exporter);
    Ok(provider.with_resource(resource.build()).build())
}

/// Sends requests as the thread of the exporter does everything: one at a time.
#[derive(Debug)]
struct Client {
    agent: Agent,
    /// That the collector does not take spans was said.
    complained: AtomicBool,
}

impl Client {
    fn new() -> Self {
        let timeout = [OTEL_EXPORTER_OTLP_TRACES_TIMEOUT, OTEL_EXPORTER_OTLP_TIMEOUT];
        let millis = timeout.into_iter().find_map(read).and_then(|millis| millis.parse().ok());
        let config = Agent::config_builder()
            .timeout_global(Some(millis.map_or(TIMEOUT, Duration::from_millis)))
            .http_status_as_error(false)
            // Headers may hold a token: they go where the variables say and nowhere else.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .build();
        Self { agent: config.into(), complained: AtomicBool::new(false) }
    }

    fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        let response = self.agent.run(Request::from_parts(parts, &body[..]))?;
        let (parts, body) = response.into_parts();
        let body = body.into_with_config().limit(MAX_ANSWER).read_to_vec()?;
        Ok(Response::from_parts(parts, body.into()))
    }

    /// Says once an outage that spans are lost.
    fn note(&self, sent: &Result<Response<Bytes>, HttpError>) {
        let why = match sent {
            Ok(response) if response.status().is_success() => {
                return self.complained.store(false, Ordering::Relaxed);
            }
            Ok(response) => format!("the collector answers {}", response.status().as_u16()),
            Err(error) => error.to_string(),
        };
        if !self.complained.swap(true, Ordering::Relaxed) {
            eprintln!("airlock: traces cannot be exported: {why}");
        }
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let sent = self.send(request);
        self.note(&sent);
        sent
    }
}
