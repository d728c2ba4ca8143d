//! Names that are followed, against a name server of the test's own on loopback.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, UdpSocket},
    time::timeout,
};
use trust_dns_resolver::{
    Hosts,
    config::{NameServerConfig, ResolverConfig, ResolverOpts},
    proto::rr::Name,
};

use super::*;

const PATIENCE: Duration = Duration::from_secs(20);

/// What a name stands for on the name server.
#[derive(Debug, Clone)]
enum Entry {
    /// Addresses, for so many seconds.
    Stands(Vec<IpAddr>, u32),
    /// The same, and too long for one datagram.
    StandsLong(Vec<IpAddr>, u32),
    /// The server is at a loss.
    Failure,
    /// No answer at all.
    Silence,
}

/// A name server on loopback.
struct Server {
    port: u16,
    entries: Arc<Mutex<BTreeMap<String, Entry>>>,
    asked: Arc<Mutex<Vec<String>>>,
    _tasks: JoinSet<()>,
}

impl Server {
    async fn start() -> Self {
        let entries = Arc::<Mutex<BTreeMap<String, Entry>>>::default();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let tcp = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let port = tcp.local_addr().expect("bound").port();
        let udp = UdpSocket::bind(("127.0.0.1", port)).await.expect("the same port of the other protocol");
        let mut tasks = JoinSet::new();
        let answer = {
            let (entries, asked) = (Arc::clone(&entries), Arc::clone(&asked));
            move |question: &[u8], datagram| {
                let name = name_in(question);
                asked.lock().expect("no panic").push(name.clone());
                answer(question, entries.lock().expect("no panic").get(&name), datagram)
            }
        };
        let over_tcp = answer.clone();
        tasks.spawn(async move {
            let mut bytes = [0; 512];
            while let Ok((length, from)) = udp.recv_from(&mut bytes).await {
                if let Some(answer) = answer(&bytes[..length], true) {
                    let _ = udp.send_to(&answer, from).await;
                }
            }
        });
        tasks.spawn(async move {
            while let Ok((mut stream, _)) = tcp.accept().await {
                let Ok(length) = stream.read_u16().await else { continue };
                let mut question = vec![0; length.into()];
                if stream.read_exact(&mut question).await.is_err() {
                    continue;
                }
                if let Some(answer) = over_tcp(&question, false) {
                    let _ = stream.write_u16(u16::try_from(answer.len()).expect("short")).await;
                    let _ = stream.write_all(&answer).await;
                }
            }
        });
        Self { port, entries, asked, _tasks: tasks }
    }

    fn set(&self, name: &str, entry: Entry) {
        self.entries.lock().expect("no panic").insert(name.to_owned(), entry);
    }

    fn remove(&self, name: &str) {
        self.entries.lock().expect("no panic").remove(name);
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no panic").clone()
    }

    /// What asks this server.
    fn client(&self, search: &str, in_cluster: bool) -> NameServers {
        let mut server = NameServerConfig::udp_and_tcp(Ipv4Addr::LOCALHOST.into());
        for connection in &mut server.connections {
            connection.port = self.port;
        }
        let search =
            search.split_ascii_whitespace().map(|name| Name::from_str_relaxed(name).expect("a name")).collect();
        let mut options = ResolverOpts::default();
        (options.timeout, options.attempts) = (Duration::from_millis(200), 1);
        NameServers::with(Hosts::default(), ResolverConfig::from_parts(None, search, vec![server]), options, in_cluster)
    }

    fn names(self: &Arc<Self>) -> Names {
        let server = Arc::clone(self);
        Names::new(move || server.client("", false))
    }
}

/// The name in a question, in lower case and with its last dot (RFC 1035, section 4.1.2).
fn name_in(question: &[u8]) -> String {
    let mut rest = &question[12..];
    let mut name = String::new();
    while let Some((&length, after)) = rest.split_first() {
        if length == 0 {
            break;
        }
        let (label, after) = after.split_at(length.into());
        name.push_str(&String::from_utf8_lossy(label).to_ascii_lowercase());
        name.push('.');
        rest = after;
    }
    name
}

/// The answer to a question; `None` for silence.
fn answer(question: &[u8], entry: Option<&Entry>, datagram: bool) -> Option<Vec<u8>> {
    let end = 12 + name_in(question).len() + 1 + 4;
    let wants_v4 = question[end - 3] == 1;
    let (mut truncated, mut code, mut addresses, mut ttl) = (0, 0_u8, Vec::new(), 0);
    match entry {
        None => code = 3,
        Some(Entry::Failure) => code = 2,
        Some(Entry::Silence) => return None,
        Some(Entry::StandsLong(..)) if datagram => truncated = 2,
        Some(Entry::Stands(found, seconds) | Entry::StandsLong(found, seconds)) => {
            (addresses, ttl) = (found.iter().filter(|address| address.is_ipv4() == wants_v4).collect(), *seconds);
        }
    }
    let mut answer = question[..2].to_vec();
    answer.extend([0x81 | truncated, 0x80 | code, 0, 1, 0, u8::try_from(addresses.len()).expect("few"), 0, 0, 0, 0]);
    answer.extend(&question[12..end]);
    for address in addresses {
        let bytes = match address {
            IpAddr::V4(v4) => v4.octets().to_vec(),
            IpAddr::V6(v6) => v6.octets().to_vec(),
        };
        // The name of the question, the type, class IN.
        answer.extend([0xc0, 12, 0, if wants_v4 { 1 } else { 28 }, 0, 1]);
        answer.extend(ttl.to_be_bytes());
        answer.extend([0, u8::try_from(bytes.len()).expect("short")]);
        answer.extend(bytes);
    }
    Some(answer)
}

fn stands(addresses: &[&str], ttl: u32) -> Entry {
    Entry::Stands(addresses.iter().map(|text| text.parse().expect("an address")).collect(), ttl)
}

fn shown(addresses: &[IpAddr]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn shown_answer(answer: &Answer) -> String {
    match answer {
        Answer::Addresses { addresses, ttl } => format!("{} for {}", shown(addresses), ttl.as_secs()),
        Answer::Nothing => "none".to_owned(),
        Answer::Unanswered(_) => "silence".to_owned(),
    }
}

#[tokio::test]
async fn what_name_servers_say() {
    let server = Server::start().await;
    server.set("traefik.", stands(&["172.18.0.9", "172.18.0.3"], 600));
    server.set("both.", stands(&["10.0.0.1", "fd00::1"], 5));
    server.set("many.", Entry::StandsLong(vec![IpAddr::from([10, 0, 0, 2])], 7));
    server.set("broken.", Entry::Failure);
    server.set("silent.", Entry::Silence);
    server.set("mapped.", stands(&["::ffff:10.0.0.3"], 5));
    #[rustfmt::skip]
    let rows = [
        // name      A                                AAAA
        ("traefik",  "172.18.0.3 172.18.0.9 for 600", "none"),
        ("TRAEFIK.", "172.18.0.3 172.18.0.9 for 600", "none"),
        ("both",     "10.0.0.1 for 5",                "fd00::1 for 5"),
        ("many",     "10.0.0.2 for 7",                "none"), // over TCP
        ("nowhere",  "none",                          "none"),
        ("broken",   "silence",                       "silence"),
        ("silent",   "silence",                       "silence"),
        ("mapped",   "none",                          "10.0.0.3 for 5"),
    ];
    for (name, v4, v6) in rows {
        let reply = timeout(PATIENCE, server.client("", false).ask(name)).await.expect("in time");
        assert_eq!((shown_answer(&reply.v4), shown_answer(&reply.v6)), (v4.to_owned(), v6.to_owned()), "{name}");
    }
}

#[tokio::test]
async fn a_single_label_never_leaves_the_cluster() {
    const SEARCH: &str = "apps.svc.cluster.local svc.cluster.local cluster.local lan.example.com";
    let server = Server::start().await;
    server.set("traefik.", stands(&["192.168.1.66"], 5));
    server.set("traefik.lan.example.com.", stands(&["192.168.1.66"], 5));
    server.set("proxy.svc.cluster.local.", stands(&["10.42.0.9"], 5));
    server.set("proxy.example.com.", stands(&["10.0.0.9"], 5));
    server.set("flaky.apps.svc.cluster.local.", Entry::Failure);
    server.set("flaky.svc.cluster.local.", stands(&["10.42.0.66"], 5));
    #[rustfmt::skip]
    let rows = [
        // name                in a cluster  A
        ("traefik",            true,         "none"),
        ("traefik",            false,        "192.168.1.66 for 5"),
        ("proxy",              true,         "10.42.0.9 for 5"),
        ("proxy.example.com",  true,         "10.0.0.9 for 5"),
        ("flaky",              true,         "silence"), // no answer is not a no: the next one may be somebody else
    ];
    for (name, in_cluster, expected) in rows {
        let reply = timeout(PATIENCE, server.client(SEARCH, in_cluster).ask(name)).await.expect("in time");
        assert_eq!(shown_answer(&reply.v4), expected, "{name} {in_cluster}");
    }
    let asked = server.asked();
    assert!(!asked.iter().any(|name| name.ends_with("lan.example.com.")), "{asked:?}");
}

#[tokio::test]
async fn the_hosts_file_comes_first() {
    let mut hosts = Hosts::default();
    hosts.read_hosts_conf("10.0.0.7 proxy\nfd00::7 proxy\n".as_bytes()).expect("in memory");
    let servers = NameServers::with(hosts, ResolverConfig::default(), ResolverOpts::default(), false);
    let reply = servers.ask("proxy").await;
    assert_eq!((shown_answer(&reply.v4), shown_answer(&reply.v6)), ("10.0.0.7 for 30".into(), "fd00::7 for 30".into()));
}

/// Waits until `name` stands for `addresses`.
async fn becomes(names: &mut Names, name: &str, addresses: &str) {
    timeout(PATIENCE, async {
        while shown(&names.addresses(name)) != addresses || names.state(name) == Some(&NameState::New) {
            names.answered().await;
        }
    })
    .await
    .unwrap_or_else(|_| panic!("{name} is {:?} and not {addresses:?}", names.addresses(name)));
}

#[tokio::test]
async fn a_name_is_asked_for_again_when_its_time_is_over() {
    let server = Arc::new(Server::start().await);
    server.set("traefik.", stands(&["172.18.0.3"], 0));
    let mut names = server.names();
    names.follow(["traefik"]);
    becomes(&mut names, "traefik", "172.18.0.3").await;
    server.set("traefik.", stands(&["172.18.0.4", "172.18.0.5"], 0));
    becomes(&mut names, "traefik", "172.18.0.4 172.18.0.5").await;
    server.set("traefik.", Entry::Failure);
    while names.state("traefik") == Some(&NameState::Found) {
        timeout(PATIENCE, names.answered()).await.expect("asked again");
    }
    assert_eq!(shown(&names.addresses("traefik")), "172.18.0.4 172.18.0.5", "a failing server takes nothing away");
    server.remove("traefik.");
    names.ask_now();
    becomes(&mut names, "traefik", "").await;
    assert_eq!(names.state("traefik"), Some(&NameState::Nothing));
}

#[tokio::test]
async fn asking_now_does_not_wait_for_the_time_to_be_over() {
    let server = Arc::new(Server::start().await);
    server.set("traefik.", stands(&["172.18.0.3"], 600));
    let mut names = server.names();
    names.follow(["traefik"]);
    assert!(!names.is_settled());
    becomes(&mut names, "traefik", "172.18.0.3").await;
    assert!(names.is_settled());
    server.set("traefik.", stands(&["172.18.0.4"], 600));
    names.ask_now();
    assert!(!names.is_settled());
    let begun = Instant::now();
    becomes(&mut names, "traefik", "172.18.0.4").await;
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn asking_now_does_not_wait_for_a_question_that_nobody_answers() {
    let server = Arc::new(Server::start().await);
    server.set("traefik.", Entry::Silence);
    let mut names = server.names();
    names.follow(["traefik"]);
    timeout(PATIENCE, async {
        while server.asked().is_empty() {
            tokio::select! {
                () = names.answered() => panic!("nobody answers"),
                () = tokio::task::yield_now() => {}
            }
        }
    })
    .await
    .expect("asked");
    // The container was started meanwhile.
    server.set("traefik.", stands(&["172.18.0.3"], 600));
    names.ask_now();
    timeout(PATIENCE, names.answered()).await.expect("answered");
    assert_eq!(names.state("traefik"), Some(&NameState::Found), "the first answer is that of the later question");
    assert!(names.is_settled());
}

#[tokio::test]
async fn only_what_is_followed_is_known() {
    let server = Arc::new(Server::start().await);
    server.set("one.", stands(&["10.0.0.1"], 600));
    server.set("other.", stands(&["10.0.0.2"], 600));
    let mut names = server.names();
    names.follow(["one"]);
    becomes(&mut names, "one", "10.0.0.1").await;
    names.follow(["one", "other"]);
    assert_eq!(shown(&names.addresses("one")), "10.0.0.1", "what is known of it stays");
    becomes(&mut names, "other", "10.0.0.2").await;
    names.follow(["other"]);
    assert_eq!((names.state("one"), names.names().collect::<Vec<_>>()), (None, vec!["other"]));
}
