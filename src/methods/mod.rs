//! Stage 5: the method table and its handlers.
//!
//! One page says which methods there are, what each requires and who answers. Whatever is not here is answered
//! `unknown method` and is not advertised: `hello-ok` lists exactly this table.

mod access;
mod config;
mod control;
mod devices;
mod logs;
mod sources;
mod state;
mod table;

pub use access::Access;
pub use config::ConfigMethods;
pub use control::ControlMethods;
pub use devices::DeviceMethods;
pub use logs::LogMethods;
pub use sources::SourceMethods;
pub use state::StateMethods;
pub use table::MethodTable;

use table::{either, later, now};

use crate::protocol::Scope;

/// The handlers' states: each knows only what it serves.
#[derive(Debug, Clone)]
pub struct Handlers {
    /// Health, status, presence.
    pub state: StateMethods,
    /// Pairing and device tokens.
    pub devices: DeviceMethods,
    /// The log file.
    pub logs: LogMethods,
    /// The configuration.
    pub config: ConfigMethods,
    /// The process.
    pub control: ControlMethods,
    /// Where connections come from.
    pub sources: SourceMethods,
}

/// The method table.
///
/// Where OpenClaw's generations differ in who may call a method, the narrower holds.
#[rustfmt::skip]
pub fn table(handlers: &Handlers) -> MethodTable {
    use Access::{Anybody, Needs};
    let Handlers { state, devices, logs, config, control, sources } = handlers;
    MethodTable::new([
        ("health",               Needs(Scope::READ),    either(state, StateMethods::health)),
        ("status",               Needs(Scope::READ),    now(state, StateMethods::status)),
        ("system-presence",      Needs(Scope::READ),    now(state, StateMethods::presence)),
        ("system-event",         Needs(Scope::ADMIN),   now(state, StateMethods::system_event)),
        ("last-heartbeat",       Needs(Scope::READ),    now(state, StateMethods::last_heartbeat)),
        ("set-heartbeats",       Needs(Scope::ADMIN),   now(state, StateMethods::set_heartbeats)),
        ("gateway.stop",         Needs(Scope::ADMIN),   later(control, ControlMethods::stop)),
        ("gateway.restart",      Needs(Scope::ADMIN),   later(control, ControlMethods::restart)),
        ("gateway.reload",       Needs(Scope::ADMIN),   later(control, ControlMethods::reload)),
        ("gateway.identity.get", Needs(Scope::READ),    later(state, StateMethods::identity)),
        ("device.pair.list",     Needs(Scope::PAIRING), later(devices, DeviceMethods::list)),
        ("device.pair.approve",  Needs(Scope::PAIRING), later(devices, DeviceMethods::approve)),
        ("device.pair.reject",   Needs(Scope::PAIRING), later(devices, DeviceMethods::reject)),
        ("device.pair.remove",   Needs(Scope::PAIRING), later(devices, DeviceMethods::remove)),
        ("device.pair.rename",   Needs(Scope::PAIRING), later(devices, DeviceMethods::rename)),
        ("device.token.rotate",  Needs(Scope::PAIRING), later(devices, DeviceMethods::rotate)),
        ("device.token.revoke",  Needs(Scope::PAIRING), later(devices, DeviceMethods::revoke)),
        ("logs.tail",            Needs(Scope::READ),    later(logs, LogMethods::tail)),
        ("config.get",           Needs(Scope::READ),    later(config, ConfigMethods::get)),
        ("config.schema",        Needs(Scope::ADMIN),   now(config, ConfigMethods::schema)),
        ("gateway.whoami",       Anybody,               now(sources, SourceMethods::who_am_i)),
        ("gateway.sources",      Needs(Scope::ADMIN),   now(sources, SourceMethods::sources)),
    ])
}
