//! What it costs to say where a connection comes from.
//!
//! `cargo bench --bench classify` prints the time of one decision: a client behind three hops, forty trusted entries, and the
//! headers that a browser and its proxies send. It fails above two microseconds, the time that may be spent on it. `-- --smoke`
//! only sees that the figure can be produced.

use std::{
    hint::black_box,
    io::{self, Write},
    net::IpAddr,
    process::ExitCode,
    time::{Duration, Instant},
};

use hyper::{
    HeaderMap,
    header::{HeaderName, HeaderValue},
};
use openclaw::source::{Arrival, Peer, SourceClass, Surroundings, Trust, TrustedName, TrustedProxies, classify};

/// The time that one decision may take.
const BUDGET: Duration = Duration::from_micros(2);

const HEADERS: [(&str, &str); 14] = [
    ("host", "openclaw.example.com"),
    ("connection", "Upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("origin", "https://openclaw.example.com"),
    ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    ("accept-language", "en-US,en;q=0.5"),
    ("accept-encoding", "gzip, deflate, br"),
    ("cookie", "session=0123456789abcdef"),
    ("x-forwarded-for", "203.0.113.7, 10.1.0.9, 10.2.0.9, 10.3.0.9"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-host", "openclaw.example.com"),
    ("x-real-ip", "203.0.113.7"),
];

fn main() -> ExitCode {
    let smoke = std::env::args().any(|argument| argument == "--smoke")
        || !std::env::args().any(|argument| argument == "--bench");
    let (samples, turns) = if smoke { (3, 10) } else { (25, 40_000) };
    let per_turn = measure(samples, turns);
    let _ = writeln!(io::stdout(), "classify, three hops and forty trusted entries: {} ns", per_turn.as_nanos());
    if !smoke && per_turn > BUDGET {
        let _ = writeln!(io::stderr(), "above the {} ns that it may take", BUDGET.as_nanos());
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// The median time of a decision. The hops match the last entries of the list, so that the whole of it is gone through.
fn measure(samples: usize, turns: u32) -> Duration {
    let (arrival, headers, trust, surroundings) = (arrival(), headers(), trust(), surroundings());
    let mut times: Vec<Duration> = (0..samples)
        .map(|_| {
            let started = Instant::now();
            for _ in 0..turns {
                let source =
                    classify(black_box(arrival), black_box(&headers), black_box(&trust), black_box(&surroundings));
                assert_eq!((source.class, source.hops.len()), (SourceClass::Proxied, 3));
                black_box(source);
            }
            started.elapsed() / turns
        })
        .collect();
    times.sort_unstable();
    times[times.len() / 2]
}

fn arrival() -> Arrival {
    Arrival::Tcp(Peer::from(IpAddr::from([172, 18, 0, 9])))
}

fn headers() -> HeaderMap {
    HEADERS.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
}

fn trust() -> Trust {
    let network = |text: String| text.parse().expect("a network");
    let networks = (0..36).map(|number| network(format!("192.0.2.{number}/32")));
    let hops = (1..=3).map(|number| network(format!("10.{number}.0.0/24")));
    let name = TrustedName { name: "traefik".into(), addresses: vec![IpAddr::from([172, 18, 0, 9])] };
    let proxies =
        TrustedProxies { networks: networks.chain(hops).collect(), names: vec![name], ..TrustedProxies::default() };
    Trust { proxies, ..Trust::default() }
}

fn surroundings() -> Surroundings {
    Surroundings {
        interfaces: vec!["172.18.0.2/16".parse().expect("a network")],
        in_container: true,
        hops: vec![IpAddr::from([172, 18, 0, 1])],
        ..Surroundings::default()
    }
}
