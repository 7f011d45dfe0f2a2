/*
 * The ClawTerm wire protocol, version 1, in C99: constants and a small reference codec.
 * It allocates nothing and depends on nothing; all numbers on the wire are big-endian.
 */
#ifndef CLAWTERM_H
#define CLAWTERM_H

#include <stddef.h>
#include <stdint.h>

#define CLAWTERM_FLAG 0x7E
#define CLAWTERM_HEADER 13
#define CLAWTERM_OVERHEAD 15
#define CLAWTERM_MAX_PAYLOAD 65535
#define CLAWTERM_FIELD_HEADER 3
#define CLAWTERM_PORT 7220

enum clawterm_type {
  CLAWTERM_CONNECT = 0x01,
  CLAWTERM_ACCEPT = 0x02,
  CLAWTERM_RESUME = 0x03,
  CLAWTERM_RESUMED = 0x04,
  CLAWTERM_DATA = 0x10,
  CLAWTERM_KEEPALIVE = 0x20,
  CLAWTERM_SUSPEND = 0x30,
  CLAWTERM_DISCONNECT = 0x40
};

enum clawterm_flag {
  CLAWTERM_FLAG_MORE = 0x01,
  CLAWTERM_FLAG_EVENT = 0x02,
  CLAWTERM_FLAG_REPLAY = 0x04,
  CLAWTERM_FLAG_ACK_NOW = 0x08,
  CLAWTERM_FLAG_ERROR = 0x10
};
#define CLAWTERM_FLAGS_KNOWN 0x1F

/* text: UTF-8 without a final 0 */
enum clawterm_tag {
  CLAWTERM_TAG_VERSION = 0x01,        /* u8 */
  CLAWTERM_TAG_TARGET = 0x02,         /* text */
  CLAWTERM_TAG_CREDENTIAL = 0x03,     /* text */
  CLAWTERM_TAG_DEVICE = 0x04,         /* text, at most 64 bytes */
  CLAWTERM_TAG_RESUME_TOKEN = 0x05,   /* 32 bytes */
  CLAWTERM_TAG_LAST_SEQ = 0x06,       /* u64 */
  CLAWTERM_TAG_FIRST_SEQ = 0x07,      /* u64 */
  CLAWTERM_TAG_HEAD_SEQ = 0x08,       /* u64 */
  CLAWTERM_TAG_KEEPALIVE_MS = 0x09,   /* u32 */
  CLAWTERM_TAG_MODE = 0x0A,           /* u8, enum clawterm_mode */
  CLAWTERM_TAG_WINDOW = 0x0B,         /* u32 */
  CLAWTERM_TAG_CODE = 0x0C,           /* u16, enum clawterm_code */
  CLAWTERM_TAG_TEXT = 0x0D,           /* text */
  CLAWTERM_TAG_RETRY_AFTER_MS = 0x0E, /* u32 */
  CLAWTERM_TAG_TERMINAL_SIZE = 0x0F,  /* u16 columns, u16 rows */
  CLAWTERM_TAG_SESSION_KEY = 0x10,    /* text */
  CLAWTERM_TAG_ADDRESS = 0x11,        /* text, host:port */
  CLAWTERM_TAG_NONCE = 0x12,          /* 16 bytes */
  CLAWTERM_TAG_EXPIRY_S = 0x13,       /* u32 */
  CLAWTERM_TAG_EVENTS = 0x14          /* u8, 0 or 1 */
};

enum clawterm_mode {
  CLAWTERM_MODE_TAKE_OVER = 0,
  CLAWTERM_MODE_SHARE = 1,
  CLAWTERM_MODE_WATCH = 2
};

enum clawterm_code {
  CLAWTERM_CODE_OK = 0,
  CLAWTERM_CODE_SUSPENDED = 1,
  CLAWTERM_CODE_CLOSED = 2,
  CLAWTERM_CODE_TAKEN_OVER = 3,
  CLAWTERM_CODE_MOVED = 4,
  CLAWTERM_CODE_SHUTTING_DOWN = 5,
  CLAWTERM_CODE_PROTOCOL_ERROR = 16,
  CLAWTERM_CODE_BAD_CHECKSUM = 17,
  CLAWTERM_CODE_SEQUENCE_GAP = 18,
  CLAWTERM_CODE_UNSUPPORTED_VERSION = 19,
  CLAWTERM_CODE_UNAUTHENTICATED = 20,
  CLAWTERM_CODE_FORBIDDEN = 21,
  CLAWTERM_CODE_NO_SUCH_SESSION = 22,
  CLAWTERM_CODE_NO_SUCH_TARGET = 23,
  CLAWTERM_CODE_TOO_LARGE = 24,
  CLAWTERM_CODE_OVERLOADED = 25,
  CLAWTERM_CODE_INTERNAL = 26
};

/* One frame; the payload points into the bytes that were decoded. */
struct clawterm_frame {
  uint32_t session_id;
  uint32_t seq; /* DATA: the low 32 bits of its number; else of the highest number received */
  uint8_t type;
  uint8_t flags;
  uint16_t payload_length;
  const uint8_t *payload;
};

/* One field; the value points into the payload. */
struct clawterm_field {
  uint8_t tag;
  uint16_t length;
  const uint8_t *value;
};

/* CRC-16/ARC. Begin with crc 0; "123456789" gives 0xBB3D. */
uint16_t clawterm_crc16(uint16_t crc, const uint8_t *bytes, size_t length);

/* Writes a frame and returns its length, or 0 where it doesn't fit or isn't allowed. */
size_t clawterm_encode(uint8_t *target, size_t capacity, const struct clawterm_frame *frame);

/*
 * Reads the frame that begins the bytes. Returns its length; 0 where more bytes are needed; or a
 * code of enum clawterm_code, negated, where it is refused: then the connection is closed, and the
 * session resumed on another one. Refuses as early as it can, so call it with whatever has come.
 */
long clawterm_decode(const uint8_t *bytes, size_t available, uint16_t max_payload,
                     struct clawterm_frame *frame);

/* Appends a field at *at and moves it; returns 0 where there is no room, else 1. */
int clawterm_put_field(uint8_t *payload, size_t capacity, size_t *at, uint8_t tag,
                       const uint8_t *value, uint16_t length);

/*
 * Checks a whole payload: lengths, repeated tags, sizes, UTF-8. Returns 0, or
 * -CLAWTERM_CODE_PROTOCOL_ERROR. Call it once, then clawterm_next_field.
 */
int clawterm_check_fields(const uint8_t *payload, size_t length);

/* Reads the field at *at and moves it on; returns 0 at the end, else 1. */
int clawterm_next_field(const uint8_t *payload, size_t length, size_t *at,
                        struct clawterm_field *field);

/* A big-endian number of 1 to 8 bytes. */
uint64_t clawterm_number(const uint8_t *value, size_t length);

/* The 64-bit number nearest to `near_number` whose low 32 bits are `wire` (RFC 1982). */
uint64_t clawterm_extend(uint64_t near_number, uint32_t wire);

#endif
