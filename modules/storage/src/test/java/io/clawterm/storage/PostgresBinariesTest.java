package io.clawterm.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PostgresBinariesTest {

  @TempDir Path folder;

  private final List<String> steps = new ArrayList<>();

  @Test
  void damagedAndHalfUnpackedFoldersAreMadeAnew() throws IOException {
    Path binaries = folder.resolve("bin-x");
    unpacked(binaries);
    unpacked(binaries);
    assertThat(steps).hasSize(1);

    Files.write(binaries.resolve("bin").resolve("postgres"), new byte[0]);
    unpacked(binaries);
    assertThat(steps).hasSize(2);
    assertThat(version(binaries)).contains(PostgresBinaries.MAJOR + ".");

    Files.delete(binaries.resolve("unpacked.txt"));
    unpacked(binaries);
    assertThat(steps).hasSize(3);
    assertThat(version(binaries)).contains(PostgresBinaries.MAJOR + ".");
    assertOnly(binaries);
  }

  @Test
  void whatAKilledUnpackingLeftIsRemovedOnceItIsOld() throws IOException {
    Path old = Files.createDirectories(folder.resolve("bin-x.1-a.part"));
    Files.setLastModifiedTime(old, FileTime.fromMillis(1_000_000));
    Path young = Files.createDirectories(folder.resolve("bin-x.2-b.part"));

    unpacked(folder.resolve("bin-x"));

    assertThat(old).doesNotExist();
    assertThat(young).exists();
  }

  @Test
  void whoUnpacksAtOnceSharesOneFolder() throws Exception {
    Path binaries = folder.resolve("bin-x");
    Together.times(3, () -> PostgresBinaries.in(binaries, step -> {}));

    assertThat(version(binaries)).contains(PostgresBinaries.MAJOR + ".");
    assertOnly(binaries);
  }

  @Test
  void aFolderThatOthersMayWriteIsNotTrusted() throws IOException {
    Path binaries = folder.resolve("bin-x");
    unpacked(binaries);
    Files.setPosixFilePermissions(binaries, PosixFilePermissions.fromString("rwxrwxrwx"));

    assertThatThrownBy(() -> unpacked(binaries))
        .isInstanceOf(StorageException.class)
        .hasMessageContaining("others");
  }

  @ParameterizedTest
  @CsvSource({"Linux, amd64", "Linux, aarch64", "Mac OS X, x86_64", "Mac OS X, aarch64"})
  void theArchivesOfAllPlatformsAreThere(String system, String architecture) throws IOException {
    try (InputStream archive = PostgresBinaries.archive(system, architecture)) {
      // The magic number of xz.
      assertThat(archive.readNBytes(6)).containsExactly(0xFD, '7', 'z', 'X', 'Z', 0);
    }
  }

  @Test
  void aPlatformWithoutBinariesIsToldWhatToDo() {
    assertThatThrownBy(() -> PostgresBinaries.archive("Linux", "riscv64"))
        .isInstanceOf(StorageException.class)
        .hasMessageContaining("riscv64")
        .hasMessageContaining("--database");
  }

  @Test
  void failuresOfTheDiskSayWhatToDo() {
    assertThat(Folders.unusable(folder, new IOException("No space left on device")))
        .hasMessageContaining("disk is full");
    assertThat(Folders.unusable(folder, new AccessDeniedException("/data/x")))
        .hasMessageContaining("may not use /data/x")
        .hasMessageContaining("--data");
  }

  @Test
  void asNobodyTheServerRunsWhereNobodyMayEnter() throws IOException, SQLException {
    assumeTrue(ServerAccount.currentUser() == 0, "only root can become another user");
    EmbeddedPostgresSettings settings = EmbeddedPostgresSettings.forTests();
    Path data = folder.resolve("postgres");

    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx------"));
    assertThatThrownBy(() -> EmbeddedPostgres.start(data, settings, ServerAccount.nobody()))
        .isInstanceOf(StorageException.class)
        .hasMessageContaining("nobody")
        .hasMessageContaining("/var/lib");

    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx--x--x"));
    try (var server = EmbeddedPostgres.start(data, settings, ServerAccount.nobody())) {
      Sql.execute(Sql.on(server), "CREATE TABLE kept AS SELECT 42 AS answer");
      assertThat(Files.getAttribute(data.resolve("data"), "unix:uid")).isEqualTo(65534);
    }
    // Where the system begins to permit user namespaces, the data goes back to root.
    try (var server = EmbeddedPostgres.start(data, settings, ServerAccount.namespace())) {
      assertThat(Sql.value(Sql.on(server), "SELECT answer FROM kept")).isEqualTo("42");
    }
    try (var server = EmbeddedPostgres.start(data, settings, ServerAccount.nobody())) {
      assertThat(Sql.value(Sql.on(server), "SELECT answer FROM kept")).isEqualTo("42");
    }
  }

  private void unpacked(Path binaries) {
    PostgresBinaries.in(binaries, steps::add);
  }

  private static String version(Path binaries) throws IOException {
    Path postgres = binaries.resolve("bin").resolve("postgres");
    return Command.run(
            List.of(postgres.toString(), "--version"), Path.of("/"), Duration.ofSeconds(30))
        .output();
  }

  private void assertOnly(Path binaries) throws IOException {
    try (var all = Files.list(folder)) {
      assertThat(all).containsExactly(binaries);
    }
  }
}
