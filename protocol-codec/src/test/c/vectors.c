/*
 * Runs the reference codec for a test: reads one question a line, writes one answer a line.
 *
 *   crc HEX                            the checksum
 *   extend NEAR WIRE                   the number
 *   decode MAX HEX                     SESSION SEQ TYPE FLAGS PAYLOAD, then the frame encoded again;
 *                                      "more", or "refused CODE"
 *   fields HEX                         TAG=VALUE ..., then the fields written again; "refused CODE"
 */
#include "clawterm.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST (CLAWTERM_OVERHEAD + CLAWTERM_MAX_PAYLOAD)

static char line[3 * MOST + 64];
static uint8_t input[2 * MOST];
static uint8_t output[MOST];

static size_t from_hex(const char *hex) {
  size_t length = 0;
  unsigned int byte;
  while (sscanf(hex + 2 * length, "%2x", &byte) == 1) {
    input[length++] = (uint8_t)byte;
  }
  return length;
}

static void print_hex(const uint8_t *bytes, size_t length) {
  for (size_t i = 0; i < length; i++) {
    printf("%02x", bytes[i]);
  }
}

static void decode(uint16_t max_payload, size_t length) {
  struct clawterm_frame frame;
  long result = 0;
  size_t at = 0;
  /* Byte by byte, as the worst network would bring them, with exactly the bytes that have come. */
  for (size_t available = 1; available <= length && result == 0; available++) {
    uint8_t *copy = malloc(available);
    memcpy(copy, input, available);
    result = clawterm_decode(copy, available, max_payload, &frame);
    free(copy);
  }
  if (result > 0) {
    result = clawterm_decode(input, length, max_payload, &frame);
    at = (size_t)result;
  }
  if (result > 0 && at < length) {
    result = clawterm_decode(input + at, length - at, max_payload, &frame);
  }
  if (result < 0) {
    printf("refused %ld\n", -result);
  } else if (result == 0) {
    printf("more\n");
  } else {
    printf("%" PRIu32 " %" PRIu32 " %u %u ", frame.session_id, frame.seq, frame.type, frame.flags);
    print_hex(frame.payload, frame.payload_length);
    printf(" ");
    print_hex(output, clawterm_encode(output, sizeof output, &frame));
    printf("\n");
  }
}

static void fields(size_t length) {
  int result = clawterm_check_fields(input, length);
  if (result < 0) {
    printf("refused %d\n", -result);
    return;
  }
  struct clawterm_field field;
  size_t at = 0;
  size_t written = 0;
  while (clawterm_next_field(input, length, &at, &field)) {
    printf("%u=", field.tag);
    print_hex(field.value, field.length);
    printf(" ");
    clawterm_put_field(output, sizeof output, &written, field.tag, field.value, field.length);
  }
  print_hex(output, written);
  printf("\n");
}

int main(void) {
  while (fgets(line, sizeof line, stdin) != NULL) {
    uint64_t near_number;
    uint32_t wire;
    unsigned int max_payload;
    int at = 0;
    if (strncmp(line, "crc ", 4) == 0) {
      printf("%04x\n", clawterm_crc16(0, input, from_hex(line + 4)));
    } else if (sscanf(line, "extend %" SCNu64 " %" SCNu32, &near_number, &wire) == 2) {
      printf("%" PRIu64 "\n", clawterm_extend(near_number, wire));
    } else if (sscanf(line, "decode %u %n", &max_payload, &at) == 1) {
      decode((uint16_t)max_payload, from_hex(line + at));
    } else if (strncmp(line, "fields ", 7) == 0) {
      fields(from_hex(line + 7));
    } else {
      fprintf(stderr, "no such question: %s", line);
      return 1;
    }
  }
  return 0;
}
