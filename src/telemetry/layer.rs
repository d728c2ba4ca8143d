//! What `tracing` tells, turned into lines.

use std::sync::Arc;

use tracing::{
    Event, Metadata, Subscriber,
    level_filters::LevelFilter,
    span::{Attributes, Id, Record},
    subscriber::Interest,
};
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

use super::{
    fields::{Scratch, with_scratch},
    lines::Lines,
};
use crate::logs::Severity;

/// First parts of the targets that are ours.
const OWN: [&str; 2] = ["gateway", env!("CARGO_CRATE_NAME")];

/// Writes events to the console and the file.
#[derive(Debug)]
pub(super) struct LineLayer(pub Arc<Lines>);

/// The fields of a span: `,"key":` and the value.
struct SpanMembers(Vec<(String, String)>);

impl SpanMembers {
    /// Takes the fields in `scratch`; a field that was known has a new value.
    fn take(&mut self, scratch: &Scratch) {
        for (key, value) in scratch.each_member() {
            self.0.retain(|(known, _)| known != key);
            self.0.push((key.to_owned(), value.to_owned()));
        }
    }
}

impl LineLayer {
    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        let severity = Severity::from(*metadata.level());
        // Libraries may only warn: at finer levels some of them print the frames they carry, and with them secrets.
        (severity >= Severity::Warn || is_own(metadata.target()))
            && self.0.wants(severity)
            && (metadata.is_event() || self.0.has_members())
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for LineLayer {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.wants(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.wants(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.0.most_detailed())
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        with_scratch(|scratch| {
            attributes.record(scratch);
            let mut members = SpanMembers(Vec::new());
            members.take(scratch);
            span.extensions_mut().insert(members);
        });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        with_scratch(|scratch| {
            values.record(scratch);
            if let Some(members) = span.extensions_mut().get_mut::<SpanMembers>() {
                members.take(scratch);
            }
        });
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        with_scratch(|scratch| {
            event.record(scratch);
            if self.0.has_members() {
                let scope = context.event_scope(event).into_iter().flatten();
                scope.for_each(|span| {
                    if let Some(SpanMembers(members)) = span.extensions().get() {
                        for (key, value) in members {
                            scratch.add_member(key, value);
                        }
                    }
                });
            }
            let target = std::mem::take(&mut scratch.target);
            let named = if target.is_empty() { event.metadata().target() } else { &target };
            self.0.write(Severity::from(*event.metadata().level()), subsystem(named), scratch);
            scratch.target = target;
        });
    }
}

fn is_own(target: &str) -> bool {
    target.split(['/', ':']).next().is_some_and(|first| OWN.contains(&first))
}

/// The subsystem that a target names: a module path stands for its crate, and our crate for the gateway.
fn subsystem(target: &str) -> &str {
    match target.split_once("::").map_or(target, |(name, _)| name) {
        env!("CARGO_CRATE_NAME") => "gateway",
        name => name,
    }
}
