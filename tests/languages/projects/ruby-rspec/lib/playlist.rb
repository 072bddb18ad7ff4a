# Songs in the order in which they are played.
class Playlist
  Song = Struct.new(:title, :seconds)

  def initialize
    @songs = []
  end

  def add(title, seconds)
    raise ArgumentError, "#{title} has no length" unless seconds.positive?

    @songs << Song.new(title, seconds)
    self
  end

  def titles
    @songs.map(&:title)
  end

  # The length of all songs, as minutes and seconds.
  def duration
    minutes, seconds = @songs.sum(&:seconds).divmod(60)
    "#{minutes}:#{seconds}"
  end
end
