//! A port that answers `GET /metrics`, and nothing else.
//!
//! One thread, one connection at a time: a request of at most 8 KiB that comes within two seconds, one
//! answer, the end. Who is slow keeps others waiting that long and no longer; decisions wait for nobody.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use super::Metrics;

/// Longest request.
const MAX_REQUEST: usize = 8 << 10;
/// How long a request or the reading of its answer may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long to wait when no connection can be had, as without file descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves `metrics` at `address` in a thread of its own, until the process ends; the address that it got.
/// Anyone who can reach it reads the names of tools, so that it must be one of this machine, unless
/// `anywhere`.
///
/// # Errors
/// When the address is not a loopback address, cannot be had, or the thread cannot be started.
pub fn serve(metrics: Metrics, address: SocketAddr, anywhere: bool) -> io::Result<SocketAddr> {
    if !address.ip().is_loopback() && !anywhere {
        let message = format!("{address} is no loopback address: others could read the metrics");
        return Err(io::Error::new(ErrorKind::PermissionDenied, message));
    }
    let listener = TcpListener::bind(address)?;
    let address = listener.local_addr()?;
    thread::Builder::new().name("metrics".into()).spawn(move || {
        for connection in listener.incoming() {
            match connection {
                // Who does not wait for the answer does not need it.
                Ok(connection) => drop(answer(connection, &metrics, anywhere)),
                Err(_) => thread::sleep(PAUSE),
            }
        }
    })?;
    Ok(address)
}

fn answer(mut connection: TcpStream, metrics: &Metrics, anywhere: bool) -> io::Result<()> {
    let until = Instant::now() + PATIENCE;
    let mut request = Vec::new();
    let mut chunk = [0; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let left = until.saturating_duration_since(Instant::now());
        connection.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
        let read = connection.read(&mut chunk)?;
        request.extend_from_slice(chunk.get(..read).unwrap_or(&[]));
        if read == 0 || left.is_zero() || request.len() > MAX_REQUEST {
            return Ok(());
        }
    }
    let (status, body) = match Request::read(&request) {
        None => ("400 Bad Request", String::new()),
        // A page in a browser reaches a port of this machine under a name of its own.
        Some(request) if !anywhere && !request.is_for_this_machine() => {
            ("403 Forbidden", String::new())
        }
        Some(Request { path: "/metrics", method: "GET" | "HEAD", .. }) => {
            ("200 OK", metrics.render())
        }
        Some(Request { path: "/metrics", .. }) => ("405 Method Not Allowed", String::new()),
        Some(_) => ("404 Not Found", String::new()),
    };
    let length = body.len();
    let shown = if request.starts_with(b"HEAD ") { "" } else { &*body };
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{shown}"
    );
    connection.set_write_timeout(Some(PATIENCE))?;
    connection.write_all(answer.as_bytes())?;
    connection.shutdown(std::net::Shutdown::Write)
}

struct Request<'r> {
    method: &'r str,
    path: &'r str,
    host: Option<&'r str>,
}

impl<'r> Request<'r> {
    fn read(request: &'r [u8]) -> Option<Self> {
        let text = str::from_utf8(request).ok()?;
        let mut lines = text.split("\r\n");
        let mut words = lines.next()?.split(' ');
        let (method, target, version) = (words.next()?, words.next()?, words.next()?);
        if !version.starts_with("HTTP/1.") || words.next().is_some() {
            return None;
        }
        let path = target.split('?').next().unwrap_or(target);
        let host = lines.find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("host").then(|| value.trim())
        });
        Some(Self { method, path, host })
    }

    fn is_for_this_machine(&self) -> bool {
        let Some(host) = self.host else { return true };
        let name = match host.parse::<SocketAddr>() {
            Ok(address) => return address.ip().is_loopback(),
            Err(_) => host.rsplit_once(':').map_or(host, |(name, _)| name),
        };
        let address = name.parse().or_else(|_| host.trim_matches(['[', ']']).parse::<IpAddr>());
        name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|ip| ip.is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(address: SocketAddr, request: &str) -> String {
        let mut connection = TcpStream::connect(address).unwrap();
        connection.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        let _ = connection.read_to_string(&mut answer);
        answer
    }

    #[test]
    fn only_metrics_are_answered_and_only_to_this_machine() {
        let any: SocketAddr = "0.0.0.0:0".parse().unwrap();
        let refused = serve(Metrics::new(), any, false).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
        assert!(serve(Metrics::new(), any, true).is_ok());
        let address = serve(Metrics::new(), "127.0.0.1:0".parse().unwrap(), false).unwrap();
        let status = |request: &str| ask(address, request).get(9..12).unwrap_or("").to_owned();
        assert_eq!(status("GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:9\r\n\r\n"), "200");
        assert_eq!(status("GET /metrics?x=1 HTTP/1.1\r\nhost: localhost\r\n\r\n"), "200");
        assert_eq!(status("GET /metrics HTTP/1.0\r\n\r\n"), "200");
        assert_eq!(status("GET /metrics HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"), "200");
        assert_eq!(status("GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n"), "403");
        assert_eq!(status("POST /metrics HTTP/1.1\r\n\r\n"), "405");
        assert_eq!(status("GET / HTTP/1.1\r\n\r\n"), "404");
        assert_eq!(status("GET\r\n\r\n"), "400");
        assert_eq!(status(&"x".repeat(MAX_REQUEST + 2000)), "");
        // Who says nothing does not stop the others for long.
        let silent = TcpStream::connect(address).unwrap();
        assert_eq!(status("GET /metrics HTTP/1.1\r\n\r\n"), "200");
        drop(silent);
    }
}
