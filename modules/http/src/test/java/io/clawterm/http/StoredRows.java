package io.clawterm.http;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.clawterm.session.Bytes;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import javax.sql.DataSource;

/**
 * Rows of the journal and of snapshots as a store holds them: bytes, serializer, manifest, tags. In
 * a file each is a JSON object on a line of its own; the whole is compressed.
 */
record StoredRows(List<Row> rows) {

  private static final ObjectMapper JSON = new ObjectMapper();

  private static final String EVENTS =
      """
      SELECT persistence_id, sequence_number, event_ser_id, event_ser_manifest, event_payload,
        ARRAY(SELECT tag FROM clawterm.event_tag WHERE event_id = ordering)
      FROM clawterm.event_journal ORDER BY persistence_id, sequence_number
      """;

  private static final String SNAPSHOTS =
      """
      SELECT persistence_id, sequence_number, snapshot_ser_id, snapshot_ser_manifest,
        snapshot_payload
      FROM clawterm.snapshot ORDER BY persistence_id, sequence_number
      """;

  private static final String ADD_EVENT =
      """
      WITH event AS (
        INSERT INTO clawterm.event_journal (persistence_id, sequence_number, writer,
          write_timestamp, adapter_manifest, event_ser_id, event_ser_manifest, event_payload)
        VALUES (?, ?, 'golden', 0, '', ?, ?, ?) RETURNING ordering)
      INSERT INTO clawterm.event_tag SELECT ordering, unnest(?) FROM event
      """;

  private static final String ADD_SNAPSHOT =
      """
      INSERT INTO clawterm.snapshot (persistence_id, sequence_number, created, snapshot_ser_id,
        snapshot_ser_manifest, snapshot_payload)
      VALUES (?, ?, 0, ?, ?, ?)
      """;

  /** One row of either table. */
  record Row(
      boolean snapshot,
      String entity,
      long number,
      int serializer,
      String manifest,
      List<String> tags,
      Bytes payload) {

    private ObjectNode toJson() {
      ObjectNode json =
          JSON.createObjectNode()
              .put("of", snapshot ? "snapshot" : "journal")
              .put("entity", entity)
              .put("number", number)
              .put("serializer", serializer)
              .put("manifest", manifest);
      ArrayNode all = json.putArray("tags");
      tags.forEach(all::add);
      return json.put("payload", payload.unsafeArray());
    }

    private static Row from(JsonNode json) throws IOException {
      List<String> tags = new ArrayList<>();
      json.required("tags").forEach(tag -> tags.add(tag.asText()));
      return new Row(
          json.required("of").asText().equals("snapshot"),
          json.required("entity").asText(),
          json.required("number").asLong(),
          json.required("serializer").asInt(),
          json.required("manifest").asText(),
          tags,
          Bytes.wrap(json.required("payload").binaryValue()));
    }
  }

  static StoredRows read(InputStream compressed) throws IOException {
    List<Row> rows = new ArrayList<>();
    try (var lines =
        new BufferedReader(
            new InputStreamReader(new GZIPInputStream(compressed), StandardCharsets.UTF_8))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        rows.add(Row.from(JSON.readTree(line)));
      }
    }
    return new StoredRows(rows);
  }

  void write(Path file) throws IOException {
    try (var out = new GZIPOutputStream(Files.newOutputStream(file))) {
      for (Row row : rows) {
        out.write((JSON.writeValueAsString(row.toJson()) + "\n").getBytes(StandardCharsets.UTF_8));
      }
    }
  }

  /** All that a database holds. */
  static StoredRows of(DataSource database) throws SQLException {
    List<Row> rows = new ArrayList<>();
    try (Connection connection = database.getConnection();
        Statement statement = connection.createStatement()) {
      try (ResultSet row = statement.executeQuery(EVENTS)) {
        while (row.next()) {
          String[] tags = (String[]) row.getArray(6).getArray();
          rows.add(row(row, false, Arrays.asList(tags)));
        }
      }
      try (ResultSet row = statement.executeQuery(SNAPSHOTS)) {
        while (row.next()) {
          rows.add(row(row, true, List.of()));
        }
      }
    }
    return new StoredRows(rows);
  }

  private static Row row(ResultSet row, boolean snapshot, List<String> tags) throws SQLException {
    return new Row(
        snapshot,
        row.getString(1),
        row.getLong(2),
        row.getInt(3),
        row.getString(4),
        tags,
        Bytes.wrap(row.getBytes(5)));
  }

  /** Puts all into a database that has none of them. */
  void insertInto(DataSource database) throws SQLException {
    try (Connection connection = database.getConnection();
        Statement statement = connection.createStatement();
        PreparedStatement event = connection.prepareStatement(ADD_EVENT);
        PreparedStatement snapshot = connection.prepareStatement(ADD_SNAPSHOT)) {
      statement.execute("SET clawterm.node = 'operator'");
      for (Row row : rows) {
        PreparedStatement insert = row.snapshot() ? snapshot : event;
        insert.setString(1, row.entity());
        insert.setLong(2, row.number());
        insert.setInt(3, row.serializer());
        insert.setString(4, row.manifest());
        insert.setBytes(5, row.payload().unsafeArray());
        if (!row.snapshot()) {
          insert.setArray(6, connection.createArrayOf("text", row.tags().toArray()));
        }
        insert.executeUpdate();
      }
    }
  }
}
