//! Every limit, timeout and port, with its unit and reason.

use std::time::Duration;

mod commands;
mod logs;

pub use commands::*;
pub use logs::*;

/// The port of a gateway when nothing else is said.
pub const PORT: u16 = 18789;

/// Largest frame accepted before `connect` is answered, in bytes.
/// Room for a `connect` with every optional member and a node's long list of commands; a stranger gets no more.
pub const MAX_PREAUTH_FRAME_BYTES: usize = 64 * 1024;

/// Largest frame accepted from an admitted session, in bytes. The protocol's own number, told to clients in `hello-ok`.
pub const MAX_FRAME_BYTES: usize = 25 * 1024 * 1024;

/// Largest parameters that a method of ours reads, in bytes of JSON: as values they take up to forty times the room.
pub const MAX_PARAMS_BYTES: usize = 1024 * 1024;

/// Most bytes that wait for a slow reader, in bytes. The protocol's own number, told to clients in `hello-ok`.
pub const MAX_OUTBOUND_BYTES: usize = 50 * 1024 * 1024;

/// Most frames that wait for a slow reader. Bounds the queue itself; the bytes are bounded by [`MAX_OUTBOUND_BYTES`].
pub const MAX_OUTBOUND_FRAMES: usize = 4096;

/// Most requests of one session that are being worked on; the next one is read when one of them is answered.
pub const MAX_CALLS_IN_FLIGHT: usize = 64;

/// From accept to an accepted `connect`. The protocol's own number; clients wait as long for the challenge.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(15);

/// For one frame to leave; a peer that takes longer is a slow consumer.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// Between two `tick` events. Clients close after twice this without a sign of life.
pub const TICK_INTERVAL: Duration = Duration::from_secs(30);

/// Between two WebSocket pings, and the time a peer has to answer. Below the 60 s after which common proxies cut an idle
/// connection.
pub const PING_INTERVAL: Duration = Duration::from_secs(25);

/// How old a health snapshot may be before it is taken anew.
pub const HEALTH_REFRESH: Duration = Duration::from_mins(1);

/// What calls that are being worked on have left when their session ends: a device that ends itself is answered first.
pub const LAST_ANSWERS_GRACE: Duration = Duration::from_millis(250);

/// What a peer has left after our close frame before its socket is cut.
pub const CLOSE_GRACE: Duration = Duration::from_secs(1);

/// Longest close reason, in bytes. A close frame holds 123; real clients cut at 120.
pub const MAX_CLOSE_REASON_BYTES: usize = 120;

/// Longest piece of a stranger's text that a log line shows, in characters. Real gateways cut header values here.
pub const MAX_HEADER_SHOWN_CHARS: usize = 300;

/// How long a pairing request waits before it is forgotten.
pub const PAIRING_REQUEST_TTL: Duration = Duration::from_mins(5);

/// Most pairing requests that wait at once. A person decides on them; nobody decides on more.
pub const MAX_PAIRING_REQUESTS: usize = 64;

/// Most of them for one resolved client, so that one stranger cannot fill the list.
pub const MAX_PAIRING_REQUESTS_PER_CLIENT: usize = 4;

/// How long one change of the device files waits for the lock that another process holds. That process writes for
/// milliseconds; one that holds the lock longer is stopped or stuck, and the caller should hear of it.
pub const STORE_LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// Between two tries to take that lock.
pub const STORE_LOCK_RETRY: Duration = Duration::from_millis(10);

/// Between two looks at the device files for changes by other processes while no device connects. Short, because a device
/// that was revoked with the offline CLI keeps its sessions for as long.
pub const STORE_POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Largest device file that is read, in bytes. A record takes about a kilobyte, so this is far beyond any real one, and
/// bounds what a wrong file costs.
pub const MAX_STORE_FILE_BYTES: u64 = 256 * 1024 * 1024;

/// How often a change of a device record is tried again because another one came first. Each try lost means that somebody
/// else got on, so a handful is enough.
pub const MAX_STORE_CONFLICTS: u32 = 16;

/// Most devices whose refusal is remembered; the oldest is forgotten first. Each is 100 bytes of a file.
pub const MAX_REFUSED_DEVICES: usize = 1024;

/// Most tokens of one device and role that count besides its own, such as one taken over from another gateway.
pub const MAX_ACCEPTED_TOKENS: usize = 4;

/// Between two writes of what connecting devices change: last seen, name, address. A connect itself writes nothing.
pub const LAST_SEEN_FLUSH: Duration = Duration::from_mins(1);

/// How old the written time of a waiting request may become while its device keeps asking. Well below
/// [`PAIRING_REQUEST_TTL`], so that the offline CLI sees it, and far above the pace of a client that retries.
pub const PAIRING_REFRESH_WRITE: Duration = Duration::from_mins(1);

/// Longest text that a record keeps of what a device says of itself, in characters.
pub const MAX_DEVICE_TEXT_CHARS: usize = 256;

/// Longest line that a machine says of itself in the presence, in characters. Programs send a hundred or two.
pub const MAX_PRESENCE_TEXT_CHARS: usize = 1024;

/// Most tags of an entry of the presence.
pub const MAX_PRESENCE_TAGS: usize = 32;

/// Most scopes that one request or record holds. The protocol knows a dozen.
pub const MAX_SCOPES: usize = 64;

/// Longest scope name that is considered, in characters.
pub const MAX_SCOPE_CHARS: usize = 64;

/// Longest label that an operator gives a device, in characters. The protocol's own number.
pub const MAX_LABEL_CHARS: usize = 64;

/// How long a presence entry lives without a sign of its client.
pub const PRESENCE_TTL: Duration = Duration::from_mins(5);

/// Most entries of the presence list.
pub const MAX_PRESENCE_ENTRIES: usize = 200;

/// Most repeated calls of a role's forbidden methods before the session is closed.
pub const MAX_UNAUTHORIZED_CALLS: u32 = 32;

/// How far the clock of a device may be from ours when it signs. What OpenClaw 2026.2 allows; a nonce keeps replays out.
pub const MAX_SIGNATURE_SKEW: Duration = Duration::from_mins(10);

/// Largest file with key material that is read, in bytes. A device identity takes 500.
pub const MAX_KEY_FILE_BYTES: u64 = 64 * 1024;

/// Most revocations that wait for a session to read them; one that missed any closes itself and comes back.
pub const MAX_WAITING_SIGNALS: usize = 256;

/// What is left of [`HANDSHAKE_TIMEOUT`] when the lobby is full: long enough for a slow network, short enough to clear it.
pub const HANDSHAKE_TIMEOUT_UNDER_PRESSURE: Duration = Duration::from_secs(2);

/// Most TCP peers that have proved nothing; never more than a quarter of the process's open files.
pub const MAX_SILENT_PEERS: usize = 4096;

/// Most peers on the Unix socket that have not been admitted. They have a budget of their own, which no network can fill.
pub const MAX_SILENT_LOCAL_PEERS: usize = 256;

/// Most sessions of one device over the network, and never more than half of all. Those of a device that sleeps end by themselves.
pub const MAX_SESSIONS_PER_DEVICE: usize = 256;

/// Of eight parts of the process's open files, how many may be sessions over the network. Four may be peers that have proved
/// nothing; the rest is for the Unix socket and the store, so that the owner comes in whoever else fills the gateway.
pub const NETWORK_SESSIONS_EIGHTHS: usize = 3;

/// How often a port that the kernel chose is chosen anew, because it is taken on another of our addresses.
pub const MAX_PORT_ATTEMPTS: u32 = 16;

/// For asking what listens on a port that is taken.
pub const PORT_PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// Longest path of a Unix socket, in bytes: the kernel's 108 with the zero at the end.
pub const MAX_SOCKET_PATH_BYTES: usize = 107;

/// How long a starting gateway waits for a lock that may only be being tested.
pub const GATEWAY_LOCK_WAIT: Duration = Duration::from_millis(500);

/// Between two tries to take that lock.
pub const GATEWAY_LOCK_POLL: Duration = Duration::from_millis(20);

/// Pause after an `accept` that failed because the process has no more open files.
pub const ACCEPT_BACKOFF: Duration = Duration::from_millis(50);

/// Most events that a session writes at once: they are two pieces each, and the system takes a thousand.
pub const MAX_EVENTS_AT_ONCE: usize = 32;

/// About how much of them is written at once, in bytes; what the peer does not read of it is copied until it does.
pub const MAX_EVENT_BYTES_AT_ONCE: usize = 64 * 1024;

/// Read and write buffer of an idle WebSocket, in bytes. Small, since most sessions are idle most of the time.
pub const SOCKET_BUFFER_BYTES: usize = 4 * 1024;

/// Largest HTTP request head, in bytes.
pub const MAX_HTTP_HEAD_BYTES: usize = 32 * 1024;

/// How often the certificate's files are looked at for a change.
pub const CERTIFICATE_POLL: Duration = Duration::from_secs(10);

/// How long the answer holds whether the state directory can be written. Probes come every few seconds.
pub const WRITABLE_CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// What a peer that proved nothing may send beside one frame and one request head, in bytes: frame headers, pings, and what
/// is read ahead of need.
pub const PREAUTH_SLACK_BYTES: usize = 16 * 1024;

/// Wrong secrets of one client before the answer to the next one is held back. The protocol's own number of attempts.
pub const AUTH_FREE_FAILURES: u32 = 10;

/// After this long without a wrong secret, a client's failures are forgotten. The protocol's own window.
pub const AUTH_FAILURE_WINDOW: Duration = Duration::from_mins(1);

/// How long the first answer that is held back waits; each further one twice as long.
pub const AUTH_DELAY_FIRST: Duration = Duration::from_millis(250);

/// Longest time that an answer is held back. Well below [`HANDSHAKE_TIMEOUT`], so that it still arrives.
pub const AUTH_DELAY_MAX: Duration = Duration::from_secs(5);

/// Longest time that a secret waits to be compared. With [`AUTH_DELAY_MAX`] still below [`HANDSHAKE_TIMEOUT`].
pub const AUTH_TURN_TIMEOUT: Duration = Duration::from_secs(8);

/// Most wrong answers of one client that are held back at once; other guesses wait meanwhile. Limits guessing to three a
/// second, and leaves room for everybody who stands behind one address and mistypes.
pub const MAX_GUESSES_HELD_BACK: usize = 16;

/// Most guesses of one client that wait to be compared; more are told to come again.
pub const MAX_WAITING_GUESSES: usize = 64;

/// Wrong secrets that are recognised when a client repeats them. A few stale programs behind one address, 32 bytes each.
pub const MAX_REMEMBERED_GUESSES: usize = 16;

/// Most clients whose wrong secrets are remembered; the one untouched for longest is forgotten first. A kilobyte each.
pub const MAX_THROTTLED_CLIENTS: usize = 4096;

/// Largest configuration file, in bytes. Real ones have a few thousand; this keeps a wrong path from filling the memory.
pub const MAX_CONFIG_BYTES: usize = 4 * 1024 * 1024;

/// How deep values of a configuration file may nest. Reading them recurses, and a stack is finite.
pub const MAX_CONFIG_DEPTH: usize = 64;

/// Largest file with one secret, in bytes. Room for any token; a wrong path is noticed.
pub const MAX_SECRET_FILE_BYTES: usize = 16 * 1024;

/// How long configuration files must lie still before they are read again, in milliseconds. The incumbent's own number.
pub const RELOAD_DEBOUNCE_MS: u64 = 300;

/// How many configuration files may lead from one to the next. The incumbent's own number.
pub const MAX_CONFIG_INCLUDES: usize = 10;

/// How long a client that gave wrong secrets stays slowed down, in milliseconds. The incumbent's own number.
pub const AUTH_LOCKOUT_MS: u64 = 300_000;

/// Time that open sessions get to finish after SIGTERM, in seconds. Below the 10 s after which `docker stop` kills.
pub const DRAIN_SECONDS: u64 = 8;

/// For one look-up of a host name, every name server and both address families together.
pub const RESOLVE_TIMEOUT: Duration = Duration::from_secs(3);

/// Which part of the places for silent peers one address may hold, as a divisor, before its newcomers push out its own.
/// Enough for a crowd behind one address; a sixteenth leaves the rest to everybody else.
pub const SILENT_PEERS_SHARE: usize = 16;

/// How long a peer may be silent before it leaves ahead of those that sent a request. A slow network's two round trips.
pub const SILENT_PEER_GRACE: Duration = Duration::from_millis(500);

/// For the last word on a connection to be sent, and for the peer to close too. A round trip; it holds a place in the lobby
/// meanwhile.
pub const FAREWELL_TIMEOUT: Duration = Duration::from_secs(1);

/// Most bytes that are read of an answer to that question.
pub const MAX_PORT_PROBE_BYTES: u64 = 64 * 1024;

/// How long a self-signed certificate counts, which nobody renews and clients pin.
pub const CERTIFICATE_LIFETIME: Duration = Duration::from_hours(24 * 3650);

/// How long before its end a certificate is warned of. Two weeks: time to find out why it was not renewed.
pub const CERTIFICATE_EXPIRY_NOTICE: Duration = Duration::from_hours(24 * 14);

/// How long a try to write the state directory may take. Probes commonly wait for a second.
pub const WRITABLE_CHECK_TIMEOUT: Duration = Duration::from_millis(800);

/// What sessions are told to expect of a restart. It takes milliseconds; a client that comes back at once meets a closed port.
pub const RESTART_EXPECTED: Duration = Duration::from_millis(500);

/// Most orders to stop, restart or reload that wait for the gateway. Each is carried out in milliseconds, one at a time.
pub const MAX_WAITING_ORDERS: usize = 16;

/// TCP port on which Prometheus reads the metrics: the first of the range that its exporters use for `OpenMetrics`.
pub const METRICS_PORT: u16 = 9464;

/// Connections on the metrics port that are served at a time. A pair of Prometheus servers keeps two.
pub const MAX_METRICS_CONNECTIONS: usize = 16;

/// How long a connection on the metrics port may wait for its next request: more than Prometheus' usual interval of a minute.
pub const METRICS_REQUEST_TIMEOUT: Duration = Duration::from_secs(90);

/// How long a connection on the metrics port may live, so that none holds a place forever.
pub const METRICS_CONNECTION_LIFE: Duration = Duration::from_hours(1);

/// Most threads for work that blocks (disk, secrets, look-ups), each of which counts against a container's limit of processes.
pub const MAX_BLOCKING_THREADS: usize = 32;

/// For looking up the name by which a container engine knows its host. Its own resolver answers in a millisecond; a start
/// must not wait for another one.
pub const HOST_NAME_TIMEOUT: Duration = Duration::from_millis(500);

/// Most kinds of source, and most kinds of contradiction, that are counted apart. There are about a hundred combinations of
/// class, rule and kind of peer; more would be a defect, and must not cost memory.
pub const MAX_OBSERVED_KINDS: usize = 256;

/// Most examples of peers and of Hosts that are kept for one kind of contradiction: enough to recognise a proxy.
pub const MAX_OBSERVED_EXAMPLES: usize = 4;

/// What a gateway that was told to stop gets beyond the time of its open sessions: writing down, and a loaded machine.
pub const STOP_SLACK: Duration = Duration::from_secs(5);

/// How long a gateway that ends writes down when devices were last seen: a part of [`STOP_SLACK`].
pub const LAST_WRITES_TIMEOUT: Duration = Duration::from_secs(3);

/// What a gateway that was told to restart gets beyond those two to listen again. It takes milliseconds; a loaded machine, or a
/// clock that is waited for, takes longer.
pub const START_SLACK: Duration = Duration::from_secs(20);

/// How long the service manager takes a gateway for alive that says nothing. It says so twice within; a drain of the log or a
/// slow disk must not look like a hang.
pub const WATCHDOG_PERIOD: Duration = Duration::from_secs(30);

/// Most hops that forwarding headers may tell of. Real chains have three or four.
pub const MAX_FORWARDING_HOPS: usize = 32;

/// Largest `X-Forwarded-For`, or `Forwarded`, all its lines together, in bytes: the most hops with everything that RFC 7239
/// lets each of them say.
pub const MAX_FORWARDING_BYTES: usize = 4 * 1024;

/// Largest PROXY preamble, in bytes. Real ones have 28 to 300; those with a client's certificate a kilobyte or two.
pub const MAX_PREAMBLE_BYTES: usize = 4 * 1024;

/// Shortest time that an answer about a followed name holds, whatever the name server says: bounds how often it is asked.
pub const NAME_TTL_MIN: Duration = Duration::from_secs(1);

/// Longest time that an answer about a followed name holds. Docker's resolver says ten minutes for addresses that change at
/// every recreate.
pub const NAME_TTL_MAX: Duration = Duration::from_secs(30);

/// How soon a followed name without addresses, or without an answer, is asked for again. What it names may be starting.
pub const NAME_ASK_AGAIN: Duration = Duration::from_secs(5);

/// How long addresses of a followed name count while the name servers are silent: long enough to restart them, short enough
/// that an address which was given to somebody else does not stay trusted.
pub const NAME_ADDRESS_LIFE: Duration = Duration::from_mins(5);

/// How often the network is looked at where the kernel gives no notice of changes, as in some sandboxes.
pub const NETWORK_POLL: Duration = Duration::from_secs(10);

/// How long the network must be quiet after a change before it is looked at: an interface that comes up gives a dozen notices.
pub const NETWORK_SETTLE: Duration = Duration::from_millis(200);

/// How long the network may keep changing before it is looked at all the same.
pub const NETWORK_SETTLE_MAX: Duration = Duration::from_secs(2);

/// How often the configuration's files are looked at beside the kernel's notices of changes: some file systems, such as a
/// desktop's shared folders, give none.
pub const FILES_POLL: Duration = Duration::from_secs(10);

/// How often they are looked at where the kernel gives no notices at all, because others have taken all there are.
pub const FILES_POLL_ALONE: Duration = Duration::from_secs(2);

/// How long the configuration's files may keep changing before they are read all the same.
pub const FILES_SETTLE_MAX: Duration = Duration::from_secs(5);

/// Most links that are followed on the way to a file, to watch each. A mounted `ConfigMap` has two.
pub const MAX_LINKS_FOLLOWED: usize = 8;

/// How long a start waits for what trusted names stand for. Afterwards they count as soon as they are answered.
pub const NAMES_AT_START: Duration = Duration::from_secs(1);

/// How long a connection that may come from a trusted name waits for that name to be asked for anew, and answered. Longer than
/// [`NAMES_NOW_PAUSE`], so that whoever comes during the pause has its own question, too.
pub const NAMES_NOW_WAIT: Duration = Duration::from_millis(500);

/// Shortest time between two such questions, however many connections would have one.
pub const NAMES_NOW_PAUSE: Duration = Duration::from_millis(250);

/// Most connections that wait for names to be asked for anew. Others go by what is known.
pub const MAX_WAITING_FOR_NAMES: usize = 256;

/// For a whole PROXY preamble to come. Proxies send it with the first segment.
pub const PREAMBLE_TIMEOUT: Duration = Duration::from_secs(5);

/// Between two lines of the log about the same thing that anybody on the network can cause, so that a flood does not fill it.
pub const NOTICE_PAUSE: Duration = Duration::from_secs(10);

/// Connections that the kernel keeps for us until they are accepted.
pub const LISTEN_BACKLOG: i32 = 1024;
