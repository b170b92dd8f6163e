# A small chat on ActionCable as a Rails app has it, without the rest of Rails.
#
#     ruby actioncable_server.rb PORT [--no-echo] [--as-rails]
#
# GET /counts says what it took and what it sent. One worker and one thread of the broker keep messages in order;
# --as-rails has as many as Rails has by default, and does not.
require "json"
require "logger"
require "action_cable"
require "puma"
require "puma/configuration"
require "puma/launcher"

HAS_ECHO = !ARGV.include?("--no-echo")
COUNTS = { "messages" => 0, "deliveries" => 0 }
LOCK = Mutex.new
def count(key) = LOCK.synchronize { COUNTS[key] += 1 }

class ChatConnection < ActionCable::Connection::Base
  identified_by :email

  def connect
    self.email = request.params["email"].presence || reject_unauthorized_connection
  end
end

class ChatChannel < ActionCable::Channel::Base
  def speak(data)
    count "messages"
    said = { "room" => params[:room], "sender" => "#{email} #{connection.object_id}", "text" => data["text"] }
    ActionCable.server.broadcast "room_#{params[:room]}", said
  end

  private

  def subscribed
    return reject if params[:room].blank?

    stream_from "room_#{params[:room]}", coder: ActiveSupport::JSON do |message|
      next if !HAS_ECHO && message["sender"] == "#{email} #{connection.object_id}"

      count "deliveries"
      transmit message
    end
  end
end

ActionCable.server.config.tap do |config|
  config.cable = { "adapter" => "async" }
  config.connection_class = -> { ChatConnection }
  config.disable_request_forgery_protection = true
  config.logger = Logger.new($stderr, level: :fatal)
end
unless ARGV.include?("--as-rails")
  ActionCable.server.config.worker_pool_size = 1
  ActionCable.server.event_loop.instance_variable_set(:@executor, Concurrent::SingleThreadExecutor.new)
end

app = lambda do |env|
  case env["PATH_INFO"]
  when "/cable" then ActionCable.server.call(env)
  else [200, { "Content-Type" => "application/json" }, [LOCK.synchronize { COUNTS.to_json }]]
  end
end

config = Puma::Configuration.new do |puma|
  puma.bind "tcp://127.0.0.1:#{Integer(ARGV[0])}"
  puma.threads 1, 5
  puma.environment "production"
  puma.raise_exception_on_sigterm false
  puma.app app
end
Puma::Launcher.new(config, events: Puma::Events.new(StringIO.new, $stderr)).run
