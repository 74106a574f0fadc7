//! The connection as hyper reads it: counted, and cut off at a limit, whatever the server sends.
//!
//! It must never read further than its limit, headers, interim answers and the handshake of TLS included.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBufCursor, Write};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// The most bytes that are read of one server in one exchange, where it does not say otherwise.
pub const MOST_READ: usize = 64 * 1024;

/// Read in one go.
const PIECE: usize = 4096;

/// What was seen on the wire.
#[derive(Debug, Default)]
pub struct Seen {
    /// Bytes read.
    read: AtomicUsize,
    /// The first byte.
    first: AtomicU8,
    /// More than the limit was there.
    cut: AtomicBool,
}

impl Seen {
    /// How many bytes were read.
    pub fn count(&self) -> usize {
        self.read.load(Ordering::Relaxed)
    }

    /// Whether the server had more to send than is read.
    pub fn was_cut(&self) -> bool {
        self.cut.load(Ordering::Relaxed)
    }

    /// Whether it began like TLS: an alert or a handshake record (RFC 8446, section 5.1).
    pub fn is_tls(&self) -> bool {
        self.count() > 0 && matches!(self.first.load(Ordering::Relaxed), 0x15 | 0x16)
    }
}

/// A connection with a limit.
pub struct Limited {
    stream: TcpStream,
    most: usize,
    seen: Arc<Seen>,
}

impl Limited {
    /// Puts the limit on a connection.
    pub fn new(stream: TcpStream, most: usize, seen: Arc<Seen>) -> Self {
        Self { stream, most, seen }
    }
}

impl AsyncRead for Limited {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let read = this.seen.count();
        if read >= this.most {
            this.seen.cut.store(true, Ordering::Relaxed);
            return Poll::Ready(Err(io::ErrorKind::FileTooLarge.into()));
        }
        let mut piece = [0; PIECE];
        let most = PIECE.min(buffer.remaining()).min(this.most - read);
        let mut part = ReadBuf::new(&mut piece[..most]);
        ready!(Pin::new(&mut this.stream).poll_read(context, &mut part))?;
        let filled = part.filled();
        if read == 0
            && let Some(first) = filled.first()
        {
            this.seen.first.store(*first, Ordering::Relaxed);
        }
        this.seen.read.store(read + filled.len(), Ordering::Relaxed);
        buffer.put_slice(filled);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Limited {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    /// Nothing is said before the connection is closed: that does it, and a packet less is a fifth of a question's cost.
    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// The same as hyper takes it, with TLS or without.
pub enum Wire {
    /// Without.
    Plain(Limited),
    /// With; boxed, since most go without and this is large.
    Secure(Box<TlsStream<Limited>>),
}

impl Read for Wire {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, mut room: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let mut piece = [0; PIECE];
        let most = PIECE.min(room.remaining());
        let mut buffer = ReadBuf::new(&mut piece[..most]);
        ready!(match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, &mut buffer),
            Self::Secure(stream) => Pin::new(&mut **stream).poll_read(context, &mut buffer),
        })?;
        room.put_slice(buffer.filled());
        Poll::Ready(Ok(()))
    }
}

impl Write for Wire {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Secure(stream) => Pin::new(&mut **stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Secure(stream) => Pin::new(&mut **stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
