//! A container-native OpenClaw gateway, and the CLI that operates it.
//!
//! One static binary is both. Data flows one way through the gateway; each stage takes the value that the stage before it
//! made, and never calls back:
//!
//! ```text
//! net ──────> source ────────> http ──────────> handshake ────────────────> session ──> methods
//!  listener,   classify (pure): route, upgrade,  challenge, connect, auth,   actor,      name -> scope
//!  TLS, Unix   class + evidence origin           pairing decision (pure)     keepalive   -> handler
//!                                                      │                        ▲            │
//!                                                      ▼                        │            ▼
//!                                                   pairing ──> store         events <─── pairing, presence
//! ```
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`gateway`] | assembly: the one file that knows every stage |
//! | [`defaults`] | every limit, timeout and port, with unit and reason |
//! | [`protocol`] | wire types, shared by server, client and tests |
//! | [`config`] | layers, provenance, secrets, validation |
//! | [`net`] | stage 1: listeners, peers, TLS, the Unix socket, the bound on silent peers |
//! | [`source`] | stage 2: where a connection comes from, and what that grants |
//! | [`origin`] | which names are this gateway's, and which pages may connect |
//! | [`http`] | the routes on the gateway port, up to the WebSocket upgrade |
//! | [`handshake`] | stage 3: from an upgraded socket that proved nothing to an admitted session |
//! | [`auth`] | credentials, one mechanism a file, and the throttle |
//! | [`device`] | device keys: identity and signatures |
//! | [`session`] | stage 4: one authenticated connection |
//! | [`methods`] | stage 5: the method table and its handlers |
//! | [`greeting`] | what a peer that was let in is told of the gateway |
//! | [`policy`] | what the gateway goes by at a moment: one immutable value |
//! | [`pairing`], [`store`], [`events`], [`presence`], [`health`], [`logs`], [`dns`], [`metrics`], [`observed`] | services: they know no stage |
//! | [`readiness`], [`shutdown`], [`signals`], [`telemetry`] | the process: probes, drain, signals, logging |
//! | [`control`], [`notify`], [`supervisor`] | orders to the running process; what its service manager is told; what supervises it |
//! | [`state`], [`clock`], [`cgroup`] | the paths of the state directory; the time on the wire; what the container may use |
//! | [`client`] | the protocol's client side, used by [`cli`] and tests |
//! | [`cli`] | one file a command |
//! | [`advice`], [`hint`] | the next command to type, for where the user stands |

pub mod advice;
pub mod auth;
pub mod cgroup;
pub mod cli;
pub mod client;
pub mod clock;
pub mod config;
pub mod control;
pub mod defaults;
pub mod device;
pub mod dns;
pub mod events;
pub mod gateway;
pub mod greeting;
pub mod handshake;
pub mod health;
pub mod hint;
pub mod http;
pub mod logs;
pub mod methods;
pub mod metrics;
pub mod net;
pub mod notify;
pub mod observed;
pub mod origin;
mod owner;
pub mod pairing;
pub mod policy;
pub mod presence;
mod private_file;
pub mod protocol;
pub mod readiness;
pub mod session;
pub mod shutdown;
pub mod signals;
pub mod source;
pub mod state;
pub mod store;
pub mod supervisor;
pub mod telemetry;
