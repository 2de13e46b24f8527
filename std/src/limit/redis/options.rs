//! Where the store is and how it is used.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use airlock_core::policy::{OnLoss, Policy, StorePolicy};
use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo};

use crate::limit::LimitError;

/// How a process reaches the store. No password is shown, here or in an error.
#[derive(Clone, Debug)]
pub struct RedisOptions {
    pub(crate) server: ConnectionInfo,
    pub(crate) namespace: Box<str>,
    pub(crate) on_loss: OnLoss,
    pub(crate) timeout: Duration,
    pub(crate) kill_key: Option<Box<str>>,
}

impl RedisOptions {
    /// The server at `url`: `redis://[user:password@]host[:port][/database]`, or `unix:///path`. With
    /// `rediss://` the connection is encrypted, in a build with the feature `redis-tls`; the server's certificate is
    /// checked for the host of the URL, by the authorities of the system. Where the program has chosen no
    /// cryptography for rustls, that of `ring` is made its default.
    ///
    /// # Errors
    /// When `url` is no such URL, or asks for what this build cannot do, or not to check the certificate.
    pub fn new(url: &str) -> Result<Self, StoreError> {
        let is_encrypted = ["rediss:", "valkeys:"].iter().any(|scheme| url.starts_with(scheme));
        #[cfg(not(feature = "redis-tls"))]
        if is_encrypted {
            return Err(StoreError::NoTls);
        }
        #[cfg(feature = "redis-tls")]
        if is_encrypted && rustls::crypto::CryptoProvider::get_default().is_none() {
            // Another thread may have been faster.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        // What the parser says may quote the URL.
        let server = url.into_connection_info().map_err(|_| StoreError::Url)?;
        if matches!(server.addr(), ConnectionAddr::TcpTls { insecure: true, .. }) {
            return Err(StoreError::Unchecked);
        }
        let StorePolicy { on_loss, timeout_ms, .. } = StorePolicy::default();
        let timeout = Duration::from_millis(timeout_ms.into());
        Ok(Self { server, namespace: "default".into(), on_loss, timeout, kill_key: None })
    }

    /// What `policy` says in `[store]`, at `url` when there is one; none for a policy without `[store]`
    /// when there is no `url` either.
    ///
    /// # Errors
    /// As [`new`](Self::new), and when nobody says where the server is.
    pub fn of(policy: &Policy, url: Option<&str>) -> Result<Option<Self>, StoreError> {
        let own = StorePolicy::default();
        let store = match (policy.store(), url) {
            (None, None) => return Ok(None),
            (store, _) => store.unwrap_or(&own),
        };
        let url = url.or(store.redis.as_deref()).ok_or(StoreError::Nowhere)?;
        let mut options = Self::new(url)?;
        if let Some(namespace) = store.namespace.as_deref().or(policy.name()) {
            options = options.namespace(namespace);
        }
        if let Some(path) = &store.ca_file {
            options = options.ca_file(Path::new(&**path))?;
        }
        options.on_loss = store.on_loss;
        options.timeout = Duration::from_millis(store.timeout_ms.into());
        options.kill_key.clone_from(&store.kill_key);
        Ok(Some(options))
    }

    /// Checks the certificate of the server by the authorities in this PEM file, in place of those of the system.
    ///
    /// # Errors
    /// When the file cannot be read or has no certificate, or the connection is not encrypted.
    pub fn ca_file(self, path: &Path) -> Result<Self, StoreError> {
        match self.server.addr() {
            ConnectionAddr::TcpTls { .. } => self.trust(path),
            _ => Err(StoreError::NotEncrypted),
        }
    }

    #[cfg(feature = "redis-tls")]
    fn trust(mut self, path: &Path) -> Result<Self, StoreError> {
        let pem = std::fs::read(path).map_err(|_| StoreError::CaFile)?;
        let begins = |line: &[u8]| line.starts_with(b"-----BEGIN CERTIFICATE-----");
        if !pem.split(|byte| *byte == b'\n').any(begins) {
            return Err(StoreError::CaFile);
        }
        let authorities = redis::TlsCertificates { client_tls: None, root_cert: Some(pem) };
        let client = redis::Client::build_with_tls(self.server, authorities);
        self.server = client.map_err(|_| StoreError::CaFile)?.get_connection_info().clone();
        Ok(self)
    }

    #[cfg(not(feature = "redis-tls"))]
    fn trust(self, _: &Path) -> Result<Self, StoreError> {
        Err(StoreError::NoTls)
    }

    /// Processes with the same namespace share limits with the same id; by default that of the policy,
    /// else its name.
    #[must_use]
    pub fn namespace(mut self, namespace: &str) -> Self {
        // Between the braces of a hash tag.
        self.namespace = namespace.replace(['{', '}'], "_").into();
        self
    }

    /// What becomes of calls with limits while the server does not answer.
    #[must_use]
    pub const fn on_loss(mut self, on_loss: OnLoss) -> Self {
        self.on_loss = on_loss;
        self
    }

    /// How long a connection may take, and a decision.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// All calls are halted while the server has a key of this name.
    #[must_use]
    pub fn kill_key(mut self, key: &str) -> Self {
        self.kill_key = Some(key.into());
        self
    }
}

/// Why limits cannot be kept in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreError {
    /// The file of authorities cannot be read, or has no certificate.
    CaFile,
    /// A limit of the policy cannot be kept anywhere.
    Limit(LimitError),
    /// Encryption is asked for, which this build does not have.
    NoTls,
    /// There are authorities for a connection that is not encrypted.
    NotEncrypted,
    /// The policy wants a store, and nobody says where it is.
    Nowhere,
    /// The system gives no thread.
    Thread,
    /// The URL asks not to check the certificate of the server.
    Unchecked,
    /// The URL cannot be read.
    Url,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CaFile => "`ca_file` of the store cannot be read, or has no certificate in PEM",
            Self::Limit(error) => return error.fmt(f),
            Self::NoTls => {
                "this build does not encrypt connections to Redis: reach it over a tunnel or a Unix socket"
            }
            Self::NotEncrypted => "`ca_file` needs a store at rediss://",
            Self::Nowhere => {
                "the policy keeps its limits in a store: say where with `redis` in [store], \
                 --redis URL or AIRLOCK_REDIS_URL"
            }
            Self::Thread => "the system gives no thread to watch the store",
            Self::Unchecked => "the certificate of the store is always checked: leave out #insecure",
            Self::Url => "the URL of the store is not like redis://host:6379/0 or unix:///path",
        })
    }
}

impl std::error::Error for StoreError {}
