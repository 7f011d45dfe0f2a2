package io.clawterm.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@SuppressWarnings("try") // locks are only held
class DataFolderLockTest {

  @TempDir Path folder;

  @Test
  void aSecondNodeIsToldWhichProcessHoldsTheFolder() throws IOException {
    try (OtherProcess first = OtherProcess.holding("lock", folder)) {
      assertThatThrownBy(() -> DataFolderLock.acquire(folder))
          .isInstanceOf(StorageException.class)
          .hasMessageContaining(folder.toString())
          .hasMessageContaining("process " + first.pid())
          .hasMessageContaining("--data");
    }
  }

  @Test
  void theDeathOfTheHolderReleasesTheFolder() throws IOException {
    OtherProcess.holding("lock", folder).close();

    try (DataFolderLock lock = DataFolderLock.acquire(folder)) {
      assertThat(Files.readString(folder.resolve("node.pid")))
          .startsWith(ProcessHandle.current().pid() + " ");
    }
  }

  @Test
  void aSecondNodeInThisProcessIsRefusedAndDoesNotLoosenTheLock() throws IOException {
    try (DataFolderLock lock = DataFolderLock.acquire(folder)) {
      assertThatThrownBy(() -> DataFolderLock.acquire(folder))
          .isInstanceOf(StorageException.class)
          .hasMessageContaining("process " + ProcessHandle.current().pid());

      try (OtherProcess other = OtherProcess.holding("lock", folder)) {
        assertThat(other.says()).contains("process " + ProcessHandle.current().pid());
      }
    }
  }

  @Test
  void aReleasedFolderCanBeTakenAgain() {
    DataFolderLock first = DataFolderLock.acquire(folder);
    first.close();
    try (DataFolderLock second = DataFolderLock.acquire(folder)) {
      first.close();

      assertThatThrownBy(() -> DataFolderLock.acquire(folder)).isInstanceOf(StorageException.class);
    }
  }

  @Test
  void whatALeftOverFileSaysDoesNotCount() throws IOException {
    Files.writeString(folder.resolve("node.pid"), ProcessHandle.current().pid() + " 1970-01-01");

    try (DataFolderLock lock = DataFolderLock.acquire(folder)) {
      assertThat(folder.resolve("node.lock")).exists();
    }
  }

  @Test
  void aFolderThatCannotBeMadeIsNamed() throws IOException {
    Path file = Files.writeString(folder.resolve("file"), "");

    assertThatThrownBy(() -> DataFolderLock.acquire(file.resolve("data")))
        .isInstanceOf(StorageException.class)
        .hasMessageContaining(file.toString());
  }
}
