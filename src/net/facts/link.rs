//! What kind of link an interface is, asked of the kernel (rtnetlink, `RTM_GETLINK`).

use std::io;

use netlink_packet_core::{NLM_F_REQUEST, NLMSG_ERROR, NetlinkBuffer, NlaBuffer, NlasIterator};
use netlink_sys::{Socket, protocols::NETLINK_ROUTE};
use tracing::debug;

/// Message types and attributes of the kernel's `rtnetlink.h` and `if_link.h`.
const RTM_NEWLINK: u16 = 16;
const RTM_GETLINK: u16 = 18;
const IFLA_IFNAME: u16 = 3;
const IFLA_LINKINFO: u16 = 18;
const IFLA_INFO_KIND: u16 = 1;

/// Length of every message's header, the kernel's `struct nlmsghdr`, in bytes.
const NETLINK_HEADER_LEN: usize = 16;

/// Length of the kernel's `struct ifinfomsg`, which comes before a link's attributes, in bytes.
const LINK_HEADER_LEN: usize = 16;

/// Length of an attribute's header: its length and its type, in bytes.
const ATTRIBUTE_HEADER_LEN: usize = 4;

/// The kind of the interface `name`, as `ip -details link` shows it. `None` for hardware, for an interface that is not there,
/// and where the kernel does not tell: nothing is concluded from silence.
pub(super) fn kind_of(name: &str) -> Option<String> {
    match ask(name) {
        Ok(answer) => kind_in(&answer),
        Err(error) => {
            debug!(target: "gateway", "the kernel does not tell what kind of link {name} is: {error}");
            None
        }
    }
}

fn ask(name: &str) -> io::Result<Vec<u8>> {
    let mut socket = Socket::new(NETLINK_ROUTE)?;
    socket.bind_auto()?;
    // The kernel answers within the call that asks, so an answer that is not there yet never comes.
    socket.set_non_blocking(true)?;
    socket.send(&question(name)?, 0)?;
    socket.recv_from_full().map(|(answer, _)| answer)
}

/// A request for the link `name` and no other.
fn question(name: &str) -> io::Result<Vec<u8>> {
    let too_long = |_| io::Error::from(io::ErrorKind::InvalidInput);
    let value = [name.as_bytes(), &[0]].concat();
    let attribute = ATTRIBUTE_HEADER_LEN + value.len();
    let length = NETLINK_HEADER_LEN + LINK_HEADER_LEN + attribute.next_multiple_of(ATTRIBUTE_HEADER_LEN);
    let mut question = vec![0; length];
    let mut header = NetlinkBuffer::new(&mut question);
    header.set_length(u32::try_from(length).map_err(too_long)?);
    header.set_message_type(RTM_GETLINK);
    header.set_flags(NLM_F_REQUEST);
    header.set_sequence_number(1);
    let mut written = NlaBuffer::new(&mut question[NETLINK_HEADER_LEN + LINK_HEADER_LEN..]);
    written.set_length(u16::try_from(attribute).map_err(too_long)?);
    written.set_kind(IFLA_IFNAME);
    written.value_mut().copy_from_slice(&value);
    Ok(question)
}

fn kind_in(answer: &[u8]) -> Option<String> {
    let message = NetlinkBuffer::new_checked(answer).ok()?;
    if message.message_type() == NLMSG_ERROR || message.message_type() != RTM_NEWLINK {
        return None;
    }
    let attributes = message.payload().get(LINK_HEADER_LEN..)?;
    let info = attribute(attributes, IFLA_LINKINFO)?;
    let kind = attribute(&info, IFLA_INFO_KIND)?;
    let text = kind.strip_suffix(&[0]).unwrap_or(&kind);
    std::str::from_utf8(text).ok().filter(|text| !text.is_empty()).map(ToOwned::to_owned)
}

fn attribute(attributes: &[u8], kind: u16) -> Option<Vec<u8>> {
    // Not to be misread at the first attribute that is cut short: what stands behind it could be anything.
    NlasIterator::new(&attributes)
        .map_while(Result::ok)
        .find(|attribute| attribute.kind() == kind)
        .map(|attribute| attribute.value().to_vec())
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    /// A link as the kernel describes it.
    fn link(kind: Option<&str>) -> Vec<u8> {
        let attribute = |kind: u16, value: &[u8]| {
            let length = u16::try_from(ATTRIBUTE_HEADER_LEN + value.len()).expect("short");
            let mut bytes = [&length.to_ne_bytes()[..], &kind.to_ne_bytes(), value].concat();
            bytes.resize(bytes.len().next_multiple_of(4), 0);
            bytes
        };
        let mut body = vec![0; LINK_HEADER_LEN];
        body.extend(attribute(IFLA_IFNAME, b"eth0\0"));
        if let Some(kind) = kind {
            // Nested attributes carry a flag above their type.
            body.extend(attribute(IFLA_LINKINFO | 0x8000, &attribute(IFLA_INFO_KIND, kind.as_bytes())));
        }
        let mut answer = vec![0; NETLINK_HEADER_LEN];
        let length = u32::try_from(NETLINK_HEADER_LEN + body.len()).expect("short");
        let mut header = NetlinkBuffer::new(&mut answer);
        header.set_length(length);
        header.set_message_type(RTM_NEWLINK);
        answer.extend(body);
        answer
    }

    #[test]
    fn the_kind_of_a_link() {
        let rows =
            [(Some("veth\0"), Some("veth")), (Some("macvlan"), Some("macvlan")), (Some("\0"), None), (None, None)];
        for (sent, expected) in rows {
            assert_eq!(kind_in(&link(sent)).as_deref(), expected, "{sent:?}");
        }
        let mut refusal = link(Some("veth"));
        NetlinkBuffer::new(&mut refusal).set_message_type(NLMSG_ERROR);
        assert_eq!(kind_in(&refusal), None);
    }

    #[test]
    fn the_kernel_answers_about_loopback_and_about_nothing() {
        assert!(ask("lo").is_ok_and(|answer| NetlinkBuffer::new(&answer).message_type() == RTM_NEWLINK));
        assert_eq!((kind_of("lo"), kind_of("no-such-link")), (None, None));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in vec(any::<u8>(), 0..256)) {
            let _ = kind_in(&bytes);
        }

        #[test]
        fn no_damage_makes_it_panic(at in 0..64_usize, byte in any::<u8>()) {
            let mut answer = link(Some("veth\0"));
            let at = at % answer.len();
            answer[at] = byte;
            let _ = kind_in(&answer);
        }
    }
}
