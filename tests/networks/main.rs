//! Our gateway in real networks: what it takes each connection for, and what an operator who comes that way can do.
//!
//! `scripts/test networks` installs what this needs (root, a Docker engine, iproute2, iptables, nginx, Caddy, HAProxy), builds
//! the images and runs it. Without that every test says that it cannot run, and passes; with `OPENCLAW_NETWORKS=required` or
//! `CI=true` it fails. Everything happens in network namespaces that are made for it.

#![allow(unreachable_pub, reason = "a test binary has no outside")]
#![allow(clippy::print_stderr, reason = "what a test has to say beside its result goes there")]

mod boxed;
mod cli;
mod docker;
#[path = "../interop/installed.rs"]
mod installed;
mod machine;
mod needs;
mod place;
mod proxies;
#[path = "../support/mod.rs"]
mod support;

mod container_networks;
mod founding_case;
mod front_proxies;
mod named_proxies;
mod namespaces;
mod published_ports;
mod without_userland_proxy;
