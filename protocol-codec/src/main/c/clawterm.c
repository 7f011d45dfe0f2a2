#include "clawterm.h"

#include <string.h>

uint16_t clawterm_crc16(uint16_t crc, const uint8_t *bytes, size_t length) {
  for (size_t i = 0; i < length; i++) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; bit++) {
      crc = (uint16_t)((crc & 1) ? (crc >> 1) ^ 0xA001 : crc >> 1);
    }
  }
  return crc;
}

uint64_t clawterm_number(const uint8_t *value, size_t length) {
  uint64_t number = 0;
  for (size_t i = 0; i < length; i++) {
    number = number << 8 | value[i];
  }
  return number;
}

static void put_number(uint8_t *target, uint64_t number, size_t length) {
  for (size_t i = length; i > 0; i--) {
    target[i - 1] = (uint8_t)number;
    number >>= 8;
  }
}

static int is_type(uint8_t type) {
  switch (type) {
    case CLAWTERM_CONNECT:
    case CLAWTERM_ACCEPT:
    case CLAWTERM_RESUME:
    case CLAWTERM_RESUMED:
    case CLAWTERM_DATA:
    case CLAWTERM_KEEPALIVE:
    case CLAWTERM_SUSPEND:
    case CLAWTERM_DISCONNECT:
      return 1;
    default:
      return 0;
  }
}

static int lacks_session(uint32_t session_id, uint8_t type) {
  return session_id == 0 && type != CLAWTERM_CONNECT && type != CLAWTERM_DISCONNECT;
}

size_t clawterm_encode(uint8_t *target, size_t capacity, const struct clawterm_frame *frame) {
  size_t length = CLAWTERM_OVERHEAD + (size_t)frame->payload_length;
  if (capacity < length || !is_type(frame->type) || lacks_session(frame->session_id, frame->type) ||
      (frame->flags & ~CLAWTERM_FLAGS_KNOWN) != 0) {
    return 0;
  }
  target[0] = CLAWTERM_FLAG;
  put_number(target + 1, frame->session_id, 4);
  put_number(target + 5, frame->seq, 4);
  target[9] = frame->type;
  target[10] = frame->flags;
  put_number(target + 11, frame->payload_length, 2);
  if (frame->payload_length > 0) {
    memcpy(target + CLAWTERM_HEADER, frame->payload, frame->payload_length);
  }
  put_number(target + length - 2, clawterm_crc16(0, target, length - 2), 2);
  return length;
}

long clawterm_decode(const uint8_t *bytes, size_t available, uint16_t max_payload,
                     struct clawterm_frame *frame) {
  if (available == 0) {
    return 0;
  }
  if (bytes[0] != CLAWTERM_FLAG) {
    return -CLAWTERM_CODE_PROTOCOL_ERROR;
  }
  if (available < 10) {
    return 0;
  }
  uint32_t session_id = (uint32_t)clawterm_number(bytes + 1, 4);
  uint8_t type = bytes[9];
  if (!is_type(type) || lacks_session(session_id, type)) {
    return -CLAWTERM_CODE_PROTOCOL_ERROR;
  }
  if (available < CLAWTERM_HEADER) {
    return 0;
  }
  uint16_t payload_length = (uint16_t)clawterm_number(bytes + 11, 2);
  if (payload_length > max_payload) {
    return type == CLAWTERM_DATA ? -CLAWTERM_CODE_TOO_LARGE : -CLAWTERM_CODE_PROTOCOL_ERROR;
  }
  size_t length = CLAWTERM_OVERHEAD + (size_t)payload_length;
  if (available < length) {
    return 0;
  }
  if (clawterm_crc16(0, bytes, length - 2) != clawterm_number(bytes + length - 2, 2)) {
    return -CLAWTERM_CODE_BAD_CHECKSUM;
  }
  frame->session_id = session_id;
  frame->seq = (uint32_t)clawterm_number(bytes + 5, 4);
  frame->type = type;
  frame->flags = bytes[10] & CLAWTERM_FLAGS_KNOWN;
  frame->payload_length = payload_length;
  frame->payload = bytes + CLAWTERM_HEADER;
  return (long)length;
}

int clawterm_put_field(uint8_t *payload, size_t capacity, size_t *at, uint8_t tag,
                       const uint8_t *value, uint16_t length) {
  if (*at > capacity || capacity - *at < CLAWTERM_FIELD_HEADER + (size_t)length) {
    return 0;
  }
  payload[*at] = tag;
  put_number(payload + *at + 1, length, 2);
  if (length > 0) {
    memcpy(payload + *at + CLAWTERM_FIELD_HEADER, value, length);
  }
  *at += CLAWTERM_FIELD_HEADER + (size_t)length;
  return 1;
}

int clawterm_next_field(const uint8_t *payload, size_t length, size_t *at,
                        struct clawterm_field *field) {
  if (*at > length || length - *at < CLAWTERM_FIELD_HEADER) {
    return 0;
  }
  uint16_t value_length = (uint16_t)clawterm_number(payload + *at + 1, 2);
  if (length - *at - CLAWTERM_FIELD_HEADER < value_length) {
    return 0;
  }
  field->tag = payload[*at];
  field->length = value_length;
  field->value = payload + *at + CLAWTERM_FIELD_HEADER;
  *at += CLAWTERM_FIELD_HEADER + (size_t)value_length;
  return 1;
}

/* RFC 3629: neither overlong forms nor surrogates nor anything above U+10FFFF. */
static int is_utf8(const uint8_t *text, size_t length) {
  size_t i = 0;
  while (i < length) {
    uint8_t first = text[i++];
    if (first < 0x80) {
      continue;
    }
    size_t more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
    if (first < 0xC2 || first > 0xF4 || length - i < more) {
      return 0;
    }
    uint8_t low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    uint8_t high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    if (text[i] < low || text[i] > high) {
      return 0;
    }
    for (size_t k = 1; k < more; k++) {
      if ((text[i + k] & 0xC0) != 0x80) {
        return 0;
      }
    }
    i += more;
  }
  return 1;
}

static int is_good(const struct clawterm_field *field) {
  switch (field->tag) {
    case CLAWTERM_TAG_VERSION:
      return field->length == 1;
    case CLAWTERM_TAG_MODE:
      return field->length == 1 && field->value[0] <= CLAWTERM_MODE_WATCH;
    case CLAWTERM_TAG_EVENTS:
      return field->length == 1 && field->value[0] <= 1;
    case CLAWTERM_TAG_CODE:
      return field->length == 2;
    case CLAWTERM_TAG_KEEPALIVE_MS:
    case CLAWTERM_TAG_WINDOW:
    case CLAWTERM_TAG_RETRY_AFTER_MS:
    case CLAWTERM_TAG_TERMINAL_SIZE:
    case CLAWTERM_TAG_EXPIRY_S:
      return field->length == 4;
    case CLAWTERM_TAG_LAST_SEQ:
    case CLAWTERM_TAG_FIRST_SEQ:
    case CLAWTERM_TAG_HEAD_SEQ:
      return field->length == 8;
    case CLAWTERM_TAG_NONCE:
      return field->length == 16;
    case CLAWTERM_TAG_RESUME_TOKEN:
      return field->length == 32;
    case CLAWTERM_TAG_DEVICE:
      return field->length <= 64 && is_utf8(field->value, field->length);
    case CLAWTERM_TAG_TARGET:
    case CLAWTERM_TAG_CREDENTIAL:
    case CLAWTERM_TAG_TEXT:
    case CLAWTERM_TAG_SESSION_KEY:
    case CLAWTERM_TAG_ADDRESS:
      return is_utf8(field->value, field->length);
    default:
      return 1; /* of a later version: skipped */
  }
}

int clawterm_check_fields(const uint8_t *payload, size_t length) {
  uint8_t seen[256] = {0};
  struct clawterm_field field;
  size_t at = 0;
  while (clawterm_next_field(payload, length, &at, &field)) {
    if (seen[field.tag] || !is_good(&field)) {
      return -CLAWTERM_CODE_PROTOCOL_ERROR;
    }
    seen[field.tag] = 1;
  }
  return at == length ? 0 : -CLAWTERM_CODE_PROTOCOL_ERROR;
}

uint64_t clawterm_extend(uint64_t near_number, uint32_t wire) {
  uint32_t ahead = wire - (uint32_t)near_number;
  uint64_t span = (uint64_t)1 << 32;
  if (ahead < (uint32_t)1 << 31) {
    return near_number + ahead;
  }
  uint64_t back = span - ahead;
  /* No number is below 0: then it is far ahead, a gap. */
  return back <= near_number ? near_number - back : near_number + ahead;
}
