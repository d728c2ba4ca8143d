//! The routes on the gateway port, up to the WebSocket upgrade.
//!
//! | path | answer |
//! | --- | --- |
//! | `/healthz`, `/health`, `/livez` | 200 while the process serves at all |
//! | `/readyz`, `/ready` | 200 when listening, the state directory is writable, and not draining; else 503 with what fails |
//! | `/startupz` | 200 once the gateway listens; 503 before |
//! | `/whoami` | how the gateway sees the request, as far as a refusal would tell |
//! | `/` | a small page for people |
//! | any path, with a WebSocket upgrade | the gateway protocol |
//! | anything else | 404 |

mod gate;
mod page;
mod probes;
mod respond;
mod server;
#[cfg(test)]
mod tests;
mod upgrade;
mod whoami;

pub use gate::{Gate, peer_kind};
pub use server::{App, RequestHead, Upgraded, serve};
