package io.clawterm.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.anthropic.client.AnthropicClient;
import com.anthropic.client.okhttp.AnthropicOkHttpClient;
import com.anthropic.helpers.MessageAccumulator;
import com.anthropic.models.messages.Message;
import com.anthropic.models.messages.MessageCreateParams;
import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.helpers.ChatCompletionAccumulator;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import com.openai.models.chat.completions.ChatCompletionStreamOptions;
import io.clawterm.testkit.ReceivedTurn;
import io.clawterm.testkit.Script;
import io.clawterm.testkit.ScriptedModelServer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The vendors' own clients take the scripted servers for the real thing. */
@Timeout(60)
class VendorClientsTest {

  private final ScriptedModelServer server =
      ScriptedModelServer.start(Script.answer("Hel", "lo é😀")).requireKey("right");
  private final OpenAIClient openAi =
      OpenAIOkHttpClient.builder()
          .baseUrl(server.openAiBaseUrl())
          .apiKey("right")
          .maxRetries(0)
          .responseValidation(true)
          .build();
  private final AnthropicClient anthropic =
      AnthropicOkHttpClient.builder()
          .baseUrl(server.anthropicBaseUrl())
          .apiKey("right")
          .maxRetries(0)
          .responseValidation(true)
          .build();

  @AfterEach
  void stop() {
    openAi.close();
    anthropic.close();
    server.close();
  }

  private ChatCompletion askOpenAi() {
    var params =
        ChatCompletionCreateParams.builder()
            .model("some-model")
            .addSystemMessage("be brief")
            .addUserMessage("tell me")
            .streamOptions(ChatCompletionStreamOptions.builder().includeUsage(true).build())
            .build();
    var accumulator = ChatCompletionAccumulator.create();
    try (var response = openAi.chat().completions().createStreaming(params)) {
      response.stream().forEach(accumulator::accumulate);
    }
    return accumulator.chatCompletion();
  }

  private Message askAnthropic() {
    var params =
        MessageCreateParams.builder()
            .model("some-model")
            .maxTokens(50)
            .system("be brief")
            .addUserMessage("tell me")
            .build();
    var accumulator = MessageAccumulator.create();
    try (var response = anthropic.messages().createStreaming(params)) {
      response.stream().forEach(accumulator::accumulate);
    }
    return accumulator.message();
  }

  @Test
  void openAisClientReadsTheStream() {
    ChatCompletion completion = askOpenAi();

    var choice = completion.choices().getFirst();
    assertThat(choice.message().content()).contains("Hello é😀");
    assertThat(choice.finishReason()).isEqualTo(ChatCompletion.Choice.FinishReason.STOP);
    assertThat(completion.usage().orElseThrow().completionTokens()).isEqualTo(2);
    assertThat(server.requests().getLast().system()).isEqualTo("be brief");
    assertThat(server.requests().getLast().turns())
        .containsExactly(new ReceivedTurn("user", "tell me"));
  }

  @Test
  void anthropicsClientReadsTheStream() {
    server.always(Script.answer("Hel", "lo é😀").thinkingFirst("hm"));

    Message message = askAnthropic();

    assertThat(message.content()).hasSize(2);
    assertThat(message.content().getFirst().asThinking().thinking()).isEqualTo("hm");
    assertThat(message.content().getLast().asText().text()).isEqualTo("Hello é😀");
    assertThat(message.usage().outputTokens()).isEqualTo(3);
    assertThat(message.stopReason()).isPresent();
    assertThat(server.requests().getLast().system()).isEqualTo("be brief");
  }

  @Test
  void theClientsKnowTheErrors() {
    server.always(Script.refuse(429));
    assertThatThrownBy(this::askOpenAi)
        .isInstanceOf(com.openai.errors.RateLimitException.class)
        .hasMessageContaining("scripted 429");
    assertThatThrownBy(this::askAnthropic)
        .isInstanceOf(com.anthropic.errors.RateLimitException.class);

    server.requireKey("another");
    assertThatThrownBy(this::askOpenAi).isInstanceOf(com.openai.errors.UnauthorizedException.class);
    assertThatThrownBy(this::askAnthropic)
        .isInstanceOf(com.anthropic.errors.UnauthorizedException.class);
  }

  @Test
  void theClientsNoticeACut() {
    server.always(Script.counted(5).cutAfter(2));

    assertThatThrownBy(this::askOpenAi).isInstanceOf(com.openai.errors.OpenAIException.class);
    assertThatThrownBy(this::askAnthropic)
        .isInstanceOf(com.anthropic.errors.AnthropicException.class);
  }
}
